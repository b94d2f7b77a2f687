"""Synthetic catalogues: prices, categories, tags and embeddings."""

from decimal import Decimal

import numpy as np
import pytest

from catalog.demo.synthetic import (
    Centres,
    copy_synthetic_embeddings,
    make_synthetic_catalogue,
    random_centres,
)
from catalog.index.live_index import live_index
from catalog.models import Embedding, Product, ProductTag

pytestmark = pytest.mark.django_db


@pytest.mark.usefixtures("demo_index")
def test_products_are_near_their_centres_and_priced_evenly() -> None:
    encoder = live_index().generation.encoder
    rows = Embedding.objects.filter(encoder=encoder).order_by("product_id", "image_id")
    ids, vectors = zip(*rows.values_list("product_id", "vector")[:200], strict=True)
    centres = Centres(np.array(vectors, np.float32), list(ids))

    make_synthetic_catalogue(1000, centres, "vocabulary")
    copy_synthetic_embeddings(encoder, centres)

    made = Product.objects.filter(sku__startswith="synthetic-").order_by("pk")
    assert made.count() == 1000
    assert made.filter(price__lte=Decimal(100)).count() == 101
    assert made.filter(in_stock=False).count() == 100
    categories = dict(Product.objects.filter(pk__in=ids).values_list("pk", "category_id"))
    assert set(made.values_list("category_id", flat=True)) == set(categories.values())
    tagged = set(ProductTag.objects.filter(product_id__in=ids).values_list("product", flat=True))
    assert made.filter(product_tags__isnull=False).distinct().count() == 5 * sum(
        product in tagged for product in ids
    )
    embedded = Embedding.objects.filter(encoder=encoder, product_id__in=made)
    found = np.array(embedded.values_list("vector", flat=True), np.float32)
    assert found.shape == (1000, encoder.dimensions)
    assert np.linalg.norm(found, axis=1) == pytest.approx(np.ones(1000), abs=0.01)
    cosines = found @ centres.vectors.T
    assert np.median(cosines.max(axis=1)) > 0.6 > 0.5 > np.median(cosines)


def test_random_centres_lie_in_a_space_of_few_dimensions() -> None:
    centres = random_centres(200_000, 512)

    assert centres.vectors.shape == (200, 512)
    assert centres.products == []
    values = np.linalg.svd(centres.vectors, compute_uv=False)
    assert (values[:64] > 1e-3).all()
    assert (values[64:] < 1e-3).all()
