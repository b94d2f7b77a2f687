"""Filters that few products pass: all of these are compared, however far from the shopper's taste
they are. A graph alone may give up before it comes to them."""

from collections.abc import Callable

import numpy as np
import pytest
from django.core.cache import caches
from django.db import connection

from catalog.index.factor_store import (
    add_factors,
    build_factor_graph,
    create_factors,
    live_factors,
    nearest_factors,
    read_factors,
)
from catalog.index.live_index import live_generation
from catalog.index.stores.pgvector_store import MAX_SCANNED
from catalog.models import FactorModel, Product
from indexing.recommendations.factor_publishing import publish_factors
from search.filters.declared import filter_condition
from search.recommendations.recent_history import RecentHistory
from search.recommendations.recommending import rank_by_taste
from search.request import Filters
from search.retrieval.narrow_filters import is_narrow

pytestmark = pytest.mark.django_db

ADD_PRODUCTS = """
    INSERT INTO catalog_product (sku, title, brand)
    SELECT 'narrow-' || n, 'Thing', CASE WHEN n > %s THEN 'rare' ELSE 'usual' END
    FROM generate_series(1, %s) n RETURNING id
"""


@pytest.fixture
def add_live_model() -> Callable[[int, int], tuple[list[int], list[int]]]:
    """Returns a function that adds products, the last of which are of a rare brand, and publishes a
    model by which these are as far as can be from all others. It returns the ids of both."""

    def add(usual: int, rare: int) -> tuple[list[int], list[int]]:
        with connection.cursor() as cursor:
            cursor.execute(ADD_PRODUCTS, [usual, usual + rare])
            ids = [pk for (pk,) in cursor.fetchall()]
        sign = np.where(np.arange(len(ids)) < usual, 1.0, -1.0)[:, None]
        noise = np.random.default_rng(0).normal(0, 0.05, (len(ids), 4))
        factors = sign * np.array([1.0, 0, 0, 0]) + noise
        model = FactorModel.objects.create(
            dimensions=4,
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
        return ids[:usual], ids[usual:]

    return add


@pytest.mark.long
def test_a_filter_that_5_of_many_products_pass_returns_these_5(
    shop: list[int], add_live_model: Callable[[int, int], tuple[list[int], list[int]]]
) -> None:
    usual, rare = add_live_model(MAX_SCANNED + 5_000, 5)
    condition = filter_condition(Filters(brand=("rare",)))
    history = RecentHistory([usual[0]], np.array([1.0]))

    assert is_narrow(condition, live_generation(), 120)
    tastes = rank_by_taste(history, condition, narrow=True, count=48)

    assert set(tastes.ranking) == set(rare)
    assert set(tastes.because.values()) == {usual[0]}


def test_comparing_all_finds_what_the_greatest_inner_products_are(shop: list[int]) -> None:
    model = live_factors()
    assert model is not None
    factors = read_factors(model, shop)
    passing = set(shop[::3])
    Product.objects.filter(pk__in=passing).update(brand="rare")
    query = factors[shop[7]]

    found = nearest_factors(
        model, query, 10, filter_condition(Filters(brand=("rare",))), compare_all=True
    )

    exact = sorted(passing, key=lambda pk: -float(factors[pk] @ query))[:10]
    assert [item.product_id for item in found] == exact
    assert np.allclose(found[0].factor, factors[exact[0]])
    assert found[0].preference == pytest.approx(float(factors[exact[0]] @ query), rel=0.01)


def test_a_broad_filter_is_counted_once_a_minute(
    shop: list[int], django_assert_num_queries: Callable
) -> None:
    generation = live_generation()
    assert generation is not None
    generation.images = 1  # so comparing more than 17 products is too much
    broad = filter_condition(Filters(in_stock=True))
    narrow = filter_condition(Filters(brand=("rare",)))
    caches["default"].clear()

    with django_assert_num_queries(3):
        assert [is_narrow(broad, generation, 120) for _ in range(2)] == [False, False]
        assert [is_narrow(narrow, generation, 120) for _ in range(2)] == [True, True]
