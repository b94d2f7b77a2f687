"""Takes away something that searches need: the encoder or the database."""

from typing import Any

from django.db import OperationalError

from catalog.models import EncoderVersion, Generation


def lose_encoder() -> None:
    """Makes the live generation need an encoder that does not exist."""
    EncoderVersion.objects.update(name="local-dir:/nowhere", checksum="0" * 64)
    Generation.objects.filter(state=Generation.State.LIVE).update(note="needs a lost encoder")


def refuse_connection(*args: Any) -> None:
    """Stands in for `connection.ensure_connection` while the database is down."""
    raise OperationalError("connection refused")
