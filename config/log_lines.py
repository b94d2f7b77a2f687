"""How log records are written."""

import logging


class WithoutTraceback(logging.Filter):
    """Leaves the message alone: what strangers send, such as a wrong Host header, is one line."""

    def filter(self, record: logging.LogRecord) -> bool:
        record.exc_info = record.exc_text = None
        return True
