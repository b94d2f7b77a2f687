"""A small shop with a live index and a live factor model."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from catalog.index.factor_store import add_factors, build_factor_graph, create_factors
from catalog.models import Category, Event, FactorModel, Product
from indexing.recommendations.factor_publishing import publish_factors
from tests.indexing.conftest import lasting_shop

PRODUCTS = 60
CIRCLES = 4  # product n is liked by the shoppers of circle n % 4


@pytest.fixture(scope="module")
def shop(
    django_db_setup: None, django_db_blocker: Any, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[list[int]]:
    """The ids of products. They are in the categories lamps and rugs, four by turns."""
    with django_db_blocker.unblock(), lasting_shop(tmp_path_factory.mktemp("media"), PRODUCTS):
        Event.objects.all().delete()
        FactorModel.objects.all().delete()
        lamps = Category.objects.create(slug="rec-lamps", name="Lamps", name_ru="Лампы")
        rugs = Category.objects.create(slug="rec-rugs", name="Rugs", name_ru="Ковры")
        ids = sorted(Product.objects.values_list("pk", flat=True))
        for number, pk in enumerate(ids):
            Product.objects.filter(pk=pk).update(
                category=rugs if number // CIRCLES % 2 else lamps, popularity=1000 - number
            )
        publish_model(ids)
        yield ids


def publish_model(ids: list[int]) -> None:
    """Publishes factors by which the products of a circle go together."""
    random = np.random.default_rng(0)
    circles = np.eye(CIRCLES, 8)[np.arange(len(ids)) % CIRCLES]
    factors = circles + random.normal(0, 0.05, circles.shape)
    model = FactorModel.objects.create(
        dimensions=8,
        alpha=5.0,
        regularization=0.1,
        longest=float(np.linalg.norm(factors, axis=1).max()),
        gram_bytes=(factors.T @ factors).astype(np.float32).tobytes(),
        state=FactorModel.State.BUILT,
    )
    create_factors(model)
    add_factors(model, ids, factors, is_learned=True)
    build_factor_graph(model)
    publish_factors(model)
