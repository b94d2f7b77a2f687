"""Which PostgreSQL serves the project: the one `DATABASE_URL` names, else the embedded one."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache

from config.embedded_postgres import EmbeddedPostgres
from config.paths import DATA_DIR


@cache
def embedded() -> EmbeddedPostgres:
    """The embedded server of this checkout (not started by asking for it)."""
    return EmbeddedPostgres(DATA_DIR / "postgres")


def uses_embedded() -> bool:
    return not os.environ.get("DATABASE_URL", "").strip()


def database_url() -> str:
    return embedded().url if uses_embedded() else os.environ["DATABASE_URL"].strip()


@contextmanager
def database_in_use() -> Iterator[None]:
    """Keeps the embedded server up inside the block; the last process to leave stops it."""
    if not uses_embedded():
        yield
        return
    with embedded().in_use():
        yield
