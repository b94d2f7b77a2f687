"""Processes that use an embedded server, for tests that start, interrupt and kill them."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import psycopg
import pytest

from config.embedded_postgres import EmbeddedPostgres
from tests.support.processes import REPOSITORY
from tests.support.servers import SMALL

PREAMBLE = (
    "import os, sys, time; from pathlib import Path; from config.embedded_postgres import *; "
    f"server = EmbeddedPostgres(Path(sys.argv[1]), {SMALL});\n"
)
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root may become another user")


def ask(server: EmbeddedPostgres, query: str) -> Any:
    """Returns the first value of the query's first row, or None if it returns no rows."""
    with psycopg.connect(server.url, autocommit=True) as connection:
        cursor = connection.execute(query)
        return next(cursor)[0] if cursor.description else None


def start_python(folder: Path, code: str, **options: Any) -> subprocess.Popen[str]:
    """Starts a process that runs `code`, where `server` is the server of the folder."""
    return subprocess.Popen(
        [sys.executable, "-c", PREAMBLE + code, folder],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        cwd=REPOSITORY,
        **options,
    )


def start_user(folder: Path, **options: Any) -> subprocess.Popen[str]:
    """Starts a process and returns it once it is inside in_use(). Closing its stdin ends it."""
    code = "with server.in_use(): print('in', flush=True); sys.stdin.read()"
    user = start_python(folder, code, **options)
    assert user.stdout
    assert user.stdout.readline() == "in\n"
    return user


def read_postmaster_id(folder: Path) -> int:
    return int((folder / "data/postmaster.pid").read_text().splitlines()[0])
