"""WSGI entry point. Who starts the web server keeps the database running (`config/run.py`)."""

import os
from typing import Any

from django.core.handlers.wsgi import WSGIRequest
from django.core.wsgi import get_wsgi_application
from django.utils.http import parse_header_parameters


class Utf8Request(WSGIRequest):
    """A request that is read as UTF-8, whatever charset its Content-Type names. Django takes the
    name of any codec that Python has. Some raise errors even before the middleware runs, others
    give half of a surrogate pair, which no database keeps."""

    def _set_content_type_params(self, meta: dict[str, Any]) -> None:
        try:
            kind, parameters = parse_header_parameters(meta.get("CONTENT_TYPE", ""))
        except ValueError:  # a parameter in an encoding that it is not in, or that does not exist
            meta["CONTENT_TYPE"] = ""
            kind, parameters = "", {}
        self.content_type, self.content_params = kind, parameters


os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
application = get_wsgi_application()
application.request_class = Utf8Request
