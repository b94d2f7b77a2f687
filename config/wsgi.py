"""WSGI entry point. `config/run.py` keeps the database running."""

import os
from typing import Any

from django.core.handlers.wsgi import WSGIRequest
from django.core.wsgi import get_wsgi_application
from django.utils.http import parse_header_parameters

from config.web.tracing import start_tracing


class Utf8Request(WSGIRequest):
    """A request that is read as UTF-8, whatever charset its Content-Type names. Django accepts the
    name of any codec of Python. Some codecs raise errors before the middleware runs, and others
    return halves of surrogate pairs, which the database cannot store."""

    def _set_content_type_params(self, meta: dict[str, Any]) -> None:
        try:
            kind, parameters = parse_header_parameters(meta.get("CONTENT_TYPE", ""))
        except ValueError:  # a parameter names a wrong or unknown encoding
            meta["CONTENT_TYPE"] = ""
            kind, parameters = "", {}
        self.content_type, self.content_params = kind, parameters


os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
start_tracing()
application = get_wsgi_application()
application.request_class = Utf8Request
