"""The measurements of recommendations: every kind of shopper, a floor, and a search in memory that
finds the same."""

import pytest

from catalog.demo.synthetic_tastes import EVENTS_EACH, SHOPPERS, make_tastes
from catalog.models import Event
from search.quality.recommendation_benchmark import (
    SHOPPERS_OF_A_KIND,
    RecommendationBenchmark,
)

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("demo_index")]


def test_every_kind_of_shopper_is_measured_beside_the_floors() -> None:
    Event.objects.all().delete()
    benchmark = RecommendationBenchmark(make_tastes())

    assert {kind: len(of_kind) for kind, of_kind in benchmark.shoppers.items()} == {
        "1 event": SHOPPERS_OF_A_KIND,
        "up to 50": SHOPPERS_OF_A_KIND,
        "more": SHOPPERS_OF_A_KIND,
        "stranger": 1,
    }
    assert Event.objects.count() == SHOPPERS * sum(EVENTS_EACH)
    for kind in benchmark.shoppers:
        pace = benchmark.measure(kind, 2)
        assert {len(spans) for spans in (pace.recommend, pace.nearest, pace.exact)} == {2}
        assert (pace.recommend > 0).all()


def test_the_graph_finds_what_the_search_in_memory_finds() -> None:
    assert RecommendationBenchmark(make_tastes()).measure_recall() > 0.95
