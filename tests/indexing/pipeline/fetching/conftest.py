"""Fixtures of the tests that fetch photos: a web server that fetchers may contact, and imports."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from catalog.importing.categories import CategoryTree
from catalog.importing.records import read_record
from catalog.importing.upsert import upsert_products
from tests.catalog.importing.fetching.photo_server import PhotoServer

Supply = Callable[..., None]


@pytest.fixture
def server(settings: Any) -> Iterator[PhotoServer]:
    with PhotoServer().running() as server:
        settings.IMPORT_ALLOWED_HOSTS = [server.host]
        settings.IMPORT_FETCHES_PER_SECOND = 1000
        yield server


@pytest.fixture
def supply() -> Supply:
    """Imports a product whose images have these names."""

    def supply(sku: str, *images: str, **fields: Any) -> None:
        record = read_record(
            {"sku": sku, "title": f"Thing {sku}", "images": list(images), **fields}
        )
        errors = upsert_products([record], lambda path: b"", CategoryTree())
        assert errors == {}

    return supply
