"""A filter for log records."""

import logging


class WithoutTraceback(logging.Filter):
    """Removes tracebacks, so that a bad request from a stranger, such as a wrong Host header, takes
    one line."""

    def filter(self, record: logging.LogRecord) -> bool:
        record.exc_info = record.exc_text = None
        return True
