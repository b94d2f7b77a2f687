"""The shop for the tests that every vector store must pass."""

from collections.abc import Iterator

import pytest
from django.test.utils import override_settings
from django.utils.module_loading import import_string

from catalog.index.vector_store import STORES
from tests.catalog.index.vector_shop import PROJECTED, Shop


@pytest.fixture(params=STORES)
def shop(request: pytest.FixtureRequest, db: None) -> Iterator[Shop]:
    """A shop with vectors of few dimensions, once on each vector store."""
    with override_settings(VECTOR_DIMENSIONS=PROJECTED):
        yield Shop(import_string(request.param)())
