"""A filter passes more products than an exact search compares, and all of them are far from the
query. The catalogue is so large that the graph gives up before it reaches any of them."""

import numpy as np
import pytest
from django.db import connection
from django.test.utils import override_settings

from catalog.demo.synthetic import Centres, copy_embeddings, make_synthetic_catalogue
from catalog.index.live_index import IndexSpace
from catalog.index.vector_store import vector_store
from catalog.models import Category, EncoderVersion, Generation, Product, ProductImage
from indexing.vectors.write_vectors import fill_range
from search.request import Filters
from search.retrieval.candidates import exact_search_limit, retrieve

pytestmark = [pytest.mark.slow, pytest.mark.long]  # a graph of 100,000 vectors takes a while

PRODUCTS = 100_000
DIMENSIONS = 16
KINDS = 10  # one of them is the category, far from the others
MAX_PHOTOS = 200


@pytest.fixture
def space(db: None) -> IndexSpace:
    """PRODUCTS synthetic products. Those of the category `far` lie opposite to all others."""
    far = Category.objects.create(slug="far", name="Far")
    near = Category.objects.create(slug="near", name="Near")
    examples = [
        Product.objects.create(sku=f"kind-{kind}", category=near if kind else far)
        for kind in range(KINDS)
    ]
    directions = np.eye(KINDS, DIMENSIONS, dtype=np.float32)
    make_synthetic_catalogue(PRODUCTS, Centres(directions, [p.pk for p in examples]), "none")
    version = EncoderVersion.objects.create(
        name="made up", source="made up", checksum="0" * 64, dimensions=DIMENSIONS
    )
    _embed(version, far)
    generation = Generation.objects.create(
        encoder=version, hnsw_m=6, hnsw_ef_construction=16, images=PRODUCTS, products=PRODUCTS
    )
    made = IndexSpace(generation, np.eye(DIMENSIONS, dtype=np.float32))
    with override_settings(VECTOR_DIMENSIONS=DIMENSIONS):
        vector_store().create(generation)
    ids = ProductImage.objects.order_by("product_id").values_list("product_id", flat=True)
    fill_range(made, ids[0], ids.reverse()[0])
    vector_store().build_graph(generation)
    return made


def _embed(version: EncoderVersion, far: Category) -> None:
    """Writes a unit vector for each image, around the first direction, or around its opposite if
    far."""
    random = np.random.default_rng(1)
    rows = list(
        ProductImage.objects.filter(product__sku__startswith="synthetic-").values_list(
            "product_id", "id", "content_hash", "product__category_id"
        )
    )
    vectors = random.standard_normal((len(rows), DIMENSIONS)).astype(np.float32)
    vectors[:, 0] += [-12 if category == far.pk else 12 for *_, category in rows]
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    copy_embeddings(version, [row[:3] for row in rows], vectors)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE catalog_embedding")


def test_a_category_beyond_the_reach_of_the_graph_is_compared_completely(
    space: IndexSpace,
) -> None:
    query = np.eye(1, DIMENSIONS, dtype=np.float32)
    filters = Filters(category=("far",))
    passing = Product.objects.filter(category__slug="far", images__isnull=False)
    assert passing.count() > exact_search_limit(PRODUCTS, MAX_PHOTOS)

    for _ in range(2):  # the count that the first search caches must not spoil the second
        found = retrieve(space, query, filters, "", MAX_PHOTOS)

        assert found.complete
        similarities = [candidate.similarity for candidate in found.by_query[0]]
        assert len(similarities) == MAX_PHOTOS
        assert {c.category_id for c in found.by_query[0]} == {passing[0].category_id}
