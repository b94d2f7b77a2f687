"""Selects the PostgreSQL server (`DATABASE_URL`, or else the embedded one) and configures
connections to it."""

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
def embedded_server() -> EmbeddedPostgres:
    """Returns the embedded server of this checkout, without starting it."""
    return EmbeddedPostgres(DATA_DIR / "postgres")


def uses_embedded() -> bool:
    """Returns whether the embedded server is used, as DATABASE_URL is not set."""
    return not os.environ.get("DATABASE_URL", "").strip()


def _database_url() -> str:
    return embedded_server().url if uses_embedded() else os.environ["DATABASE_URL"].strip()


def build_database_settings(
    ef_search: int, pool: int, statement_timeout_s: float
) -> dict[str, Any]:
    """Returns Django's settings of the database. `pool` is the maximum number of pooled
    connections; 0 means no pool. Pooled connections, which web processes use, do not wait for a
    server that has stopped answering. Raises ImproperlyConfigured."""
    try:
        database: dict[str, Any] = {**dj_database_url.parse(_database_url())}
    except (ValueError, dj_database_url.ParseError) as error:
        raise ImproperlyConfigured(f"DATABASE_URL cannot be read: {error}") from error
    if database.get("ENGINE") != "django.db.backends.postgresql":
        raise ImproperlyConfigured("DATABASE_URL must name a PostgreSQL server: postgres://…")
    session = {
        "hnsw.ef_search": ef_search,
        "hnsw.iterative_scan": "relaxed_order",
        "jit": "off",  # compiling a search takes longer than running it
        "statement_timeout": round(1000 * statement_timeout_s),
    }
    options = {
        **database.get("OPTIONS", {}),
        "options": " ".join(f"-c {name}={value}" for name, value in session.items()),
        "prepare_threshold": 5,  # for catalog/index/prepared_sql.py; the ORM prepares no statements
        **(_pool_options(pool) if pool else {}),
    }
    max_age_s = 0 if pool else 60
    return {**database, "CONN_MAX_AGE": max_age_s, "CONN_HEALTH_CHECKS": True, "OPTIONS": options}


def _pool_options(size: int) -> dict[str, Any]:
    from config.web.database_limits import CONNECT_TIMEOUT_S, WebConnection

    pool = {
        "min_size": 1,
        "max_size": size,
        "timeout": 3,
        "reconnect_timeout": 3,  # without it, the pauses between attempts grow to minutes
        "connection_class": WebConnection,
    }
    return {"connect_timeout": CONNECT_TIMEOUT_S, "pool": pool}


@contextmanager
def database_in_use() -> Iterator[None]:
    """Keeps the embedded server running inside the block. The last process to leave stops it."""
    if not uses_embedded():
        yield
        return
    with embedded_server().in_use():
        yield


def migrations_are_pending() -> bool:
    """Returns whether the database lacks tables or columns of this version."""
    from django.db import connection
    from django.db.migrations.executor import MigrationExecutor

    connection.close()  # it may be in a transaction that has failed
    executor = MigrationExecutor(connection)
    return bool(executor.migration_plan(executor.loader.graph.leaf_nodes()))
