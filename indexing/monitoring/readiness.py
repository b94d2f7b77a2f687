"""Checks whether a process can serve searches, for `/readyz`."""

from django.db import Error, connection

from catalog.index.live_index import IndexNotReady, live_index
from catalog.visual.errors import EncoderError


def check_readiness() -> dict[str, str]:
    """Returns the state of the database, the encoder and the generation: `ok`, `unknown`, or
    `missing`, with a reason for the encoder."""
    checks = {"database": "ok", "encoder": "unknown", "generation": "unknown"}
    try:
        connection.ensure_connection()
        live_index()
    except Error:
        return {**checks, "database": "missing"}
    except IndexNotReady:
        return {**checks, "generation": "missing"}
    except EncoderError as error:
        return {**checks, "generation": "ok", "encoder": f"missing: {error}"}
    return {**checks, "encoder": "ok", "generation": "ok"}
