"""The shop for the tests that every vector store must pass."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from django.test.utils import override_settings

from catalog.index.vector_store import store_named
from catalog.models import Product
from tests.catalog.index.stores.vector_shop import PROJECTED, Shop

# Qdrant by the local mode of its client, and by its engine.
STORES = {"pgvector": "", "qdrant-client": "memory:", "qdrant-engine": "edge:"}


@pytest.fixture(params=STORES)
def shop(request: pytest.FixtureRequest, db: None, tmp_path: Path) -> Iterator[Shop]:
    """A shop with vectors of few dimensions, once on each vector store. Products that are in the
    database before are not visible."""
    name, url = request.param.split("-")[0], STORES[request.param]
    url += str(tmp_path) if url == "edge:" else ""
    Product.objects.update(is_visible=False)
    with override_settings(VECTOR_DIMENSIONS=PROJECTED, VECTOR_STORE=name, QDRANT_URL=url):
        yield Shop(store_named(name))
