"""The graph of factors finds the best of many products, whose factors differ in length."""

import pytest
from django.db import connection

from catalog.demo.synthetic_tastes import make_tastes
from indexing.recommendations.graph_recall import measure_graph
from search.quality.recommendation_benchmark import RecommendationBenchmark

pytestmark = [pytest.mark.django_db, pytest.mark.long]

PRODUCTS = 20_000
ADD_PRODUCTS = """
    INSERT INTO catalog_product (sku, title) SELECT 'many-' || n, 'Thing'
    FROM generate_series(1, %s) n
"""


def test_the_graph_finds_the_best_of_many_products() -> None:
    with connection.cursor() as cursor:
        cursor.execute(ADD_PRODUCTS, [PRODUCTS])
    model = make_tastes()

    # A third of the shoppers opened a single product, so their factors are short.
    assert RecommendationBenchmark(model).measure_recall() > 0.8
    recall = measure_graph(model, lambda: None)
    assert recall is not None
    assert recall > 0.8
