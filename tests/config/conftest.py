"""Fixtures: a database server for a single test."""

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from config.embedded_postgres import EmbeddedPostgres
from tests.support.servers import SMALL


@pytest.fixture
def top() -> Iterator[Path]:
    """A folder that every user can enter, unlike pytest's tmp_path."""
    folder = Path(tempfile.mkdtemp(prefix="vitrina-test-", dir="/tmp"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


@pytest.fixture
def server(top: Path) -> Iterator[EmbeddedPostgres]:
    server = EmbeddedPostgres(top / "postgres", SMALL)
    yield server
    server.stop()
