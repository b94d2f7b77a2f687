"""The setting LOGGING: log records as lines of text or of JSON, with the id of their request."""

import json
import logging
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import Any

current_request_id: ContextVar[str] = ContextVar("current_request_id", default="")
"""The id of the request that this thread answers, or "". `config/web/request_ids.py` sets it."""


META_NAME = "HTTP_X_REQUEST_ID"


def _request_id(record: logging.LogRecord) -> str:
    """Returns the id of the request that a record belongs to, or ""."""
    meta = getattr(getattr(record, "request", None), "META", {})
    return current_request_id.get() or str(meta.get(META_NAME, ""))


class TextLines(logging.Formatter):
    """Lines of text. Those of a request end with its id."""

    def formatMessage(self, record: logging.LogRecord) -> str:
        line = super().formatMessage(record)
        request_id = _request_id(record)
        return f"{line} [{request_id}]" if request_id else line


class JsonLines(logging.Formatter):
    """One JSON object a line: `at`, `level`, `logger`, `message`, and where there are ones,
    `request_id` and `traceback`."""

    def format(self, record: logging.LogRecord) -> str:
        line = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
        }
        if request_id := _request_id(record):
            line["request_id"] = request_id
        if record.exc_info:
            line["traceback"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=False)


class WithoutTraceback(logging.Filter):
    """Removes tracebacks, so that a bad request from a stranger, such as a wrong Host header, takes
    one line."""

    def filter(self, record: logging.LogRecord) -> bool:
        record.exc_info = record.exc_text = None
        return True


def build_logging(debug: bool, log_format: str = "text") -> dict[str, Any]:
    """Returns the setting LOGGING. `log_format`: text or json."""
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {
            "text": {
                "()": "config.log_lines.TextLines",
                "format": "%(asctime)s %(levelname)s %(name)s: %(message)s",
            },
            "json": {"()": "config.log_lines.JsonLines"},
        },
        "filters": {"without_traceback": {"()": "config.log_lines.WithoutTraceback"}},
        "handlers": {
            "stderr": {"class": "logging.StreamHandler", "formatter": log_format},
            "stderr_line": {
                "class": "logging.StreamHandler",
                "formatter": log_format,
                "filters": ["without_traceback"],
            },
        },
        "root": {"handlers": ["stderr"], "level": "INFO" if debug else "WARNING"},
        "loggers": {
            "vitrina": {"level": "INFO"},
            "django.request": {"level": "ERROR"},
            "django.security": {"handlers": ["stderr_line"], "propagate": False},
            "waitress": {"level": "ERROR"},
        },
    }
