"""Which PostgreSQL serves the project, the one `DATABASE_URL` names or else the embedded one, and
how the project connects to it."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

import dj_database_url
from django.core.exceptions import ImproperlyConfigured

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


def database_settings(ef_search: int, pool: int, statement_timeout_s: float) -> dict[str, Any]:
    """Django's settings of the database. With a `pool` of so many connections, as web processes
    have it, nobody waits for a server that has stopped answering. Raises ImproperlyConfigured."""
    try:
        database: dict[str, Any] = {**dj_database_url.parse(database_url())}
    except (ValueError, dj_database_url.ParseError) as error:
        raise ImproperlyConfigured(f"DATABASE_URL cannot be read: {error}") from error
    if database.get("ENGINE") != "django.db.backends.postgresql":
        raise ImproperlyConfigured("DATABASE_URL must name a PostgreSQL server: postgres://…")
    session = {
        "hnsw.ef_search": ef_search,
        "hnsw.iterative_scan": "relaxed_order",
        "jit": "off",  # compiling a search takes longer than the search
        "statement_timeout": round(1000 * statement_timeout_s),
    }
    options = {
        **database.get("OPTIONS", {}),
        "options": " ".join(f"-c {name}={value}" for name, value in session.items()),
        "prepare_threshold": 5,  # for catalog/index/prepared_sql.py; the ORM prepares nothing
        **(_pool_options(pool) if pool else {}),
    }
    age = 0 if pool else 60
    return {**database, "CONN_MAX_AGE": age, "CONN_HEALTH_CHECKS": True, "OPTIONS": options}


def _pool_options(size: int) -> dict[str, Any]:
    from config.web.database_limits import CONNECT_S, WebConnection

    pool = {
        "min_size": 1,
        "max_size": size,
        "timeout": 3,
        "reconnect_timeout": 3,  # then the next request tries, instead of waits growing to minutes
        "connection_class": WebConnection,
    }
    return {"connect_timeout": CONNECT_S, "pool": pool}


@contextmanager
def database_in_use() -> Iterator[None]:
    """Keeps the embedded server up inside the block; the last process to leave stops it."""
    if not uses_embedded():
        yield
        return
    with embedded().in_use():
        yield
