"""The setting LOGGING, and a filter for log records."""

import logging
from typing import Any


class WithoutTraceback(logging.Filter):
    """Removes tracebacks, so that a bad request from a stranger, such as a wrong Host header, takes
    one line."""

    def filter(self, record: logging.LogRecord) -> bool:
        record.exc_info = record.exc_text = None
        return True


def build_logging(debug: bool) -> dict[str, Any]:
    """Returns the setting LOGGING."""
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"line": {"format": "%(asctime)s %(levelname)s %(name)s: %(message)s"}},
        "filters": {"without_traceback": {"()": "config.log_lines.WithoutTraceback"}},
        "handlers": {
            "stderr": {"class": "logging.StreamHandler", "formatter": "line"},
            "stderr_line": {
                "class": "logging.StreamHandler",
                "formatter": "line",
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
