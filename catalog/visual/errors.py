"""What can go wrong with an encoder."""


class EncoderError(RuntimeError):
    """The encoder cannot be loaded or run; the message is a sentence that says why."""
