"""Exceptions of encoders."""


class EncoderError(RuntimeError):
    """An encoder cannot be loaded or run. The message is a sentence that gives the reason."""
