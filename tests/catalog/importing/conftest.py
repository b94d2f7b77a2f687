"""Fixtures for tests of imports."""

from pathlib import Path

import pytest

from tests.catalog.importing.feeds import WriteFeed


@pytest.fixture
def write_feed(tmp_path: Path) -> WriteFeed:
    """Writes a text in an encoding, or bytes, to a file whose name tells nothing."""

    def write(content: str | bytes, encoding: str = "utf-8") -> Path:
        path = tmp_path / "feed.dat"
        path.write_bytes(content.encode(encoding) if isinstance(content, str) else content)
        return path

    return write
