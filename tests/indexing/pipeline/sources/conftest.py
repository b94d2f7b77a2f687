"""Fixtures of the tests of sources: a web server with feeds, and sources that are pulled."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from catalog.models import Source
from indexing.pipeline.sources.source_actions import add_source
from tests.catalog.importing.fetching.photo_server import PhotoServer
from tests.indexing.pipeline.sources.feeds import pull

AddFeed = Callable[..., Source]


@pytest.fixture
def server(settings: Any, tmp_path: Any) -> Iterator[PhotoServer]:
    settings.IMPORT_ROOT = tmp_path / "feeds"
    settings.IMPORT_ROOT.mkdir()
    with PhotoServer().running() as server:
        settings.IMPORT_ALLOWED_HOSTS = [server.host]
        settings.IMPORT_FETCHES_PER_SECOND = 1000
        yield server


@pytest.fixture
def feed(server: PhotoServer, empty_shop: None) -> AddFeed:
    """Adds a source whose feed has these lines, and pulls it once."""

    def add(lines: str, name: str = "shop", **fields: Any) -> Source:
        url = server.put(f"/{name}.csv", lines.encode())
        return pull(add_source(name, url, **fields))

    return add
