"""A training of recommendations, from the history to a live model, back, and without a trace of
those who were deleted."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from django.utils import timezone

from catalog.index.factor_store import live_factors, nearest_factors, read_factors
from catalog.models import Event, FactorModel, Product
from indexing.generations.publishing import PublishingError
from indexing.pipeline import recommendation_run
from indexing.pipeline.recommendation_run import start_recommendations
from indexing.pipeline.worker import work_on
from indexing.recommendations.factor_publishing import publish_factors, roll_back_factors
from indexing.recommendations.model_status import list_models
from indexing.recommendations.shopper_history import read_history
from indexing.tasks import learn_recommendations
from tests.indexing.recommendations.conftest import PRODUCTS, train
from tests.indexing.shop import add_products, rebuild, refresh

pytestmark = pytest.mark.django_db


def test_a_run_learns_more_than_popularity_and_looks_and_goes_live(shop: None) -> None:
    _, model = train()

    assert model.state == "live"
    assert live_factors() == model
    figures = model.figures
    assert figures["factors"]["recall"] > figures["popularity"]["recall"]
    assert figures["factors"]["recall"] >= 1.3 * figures["looks"]["recall"]
    assert figures["factors"]["coverage"] > figures["popularity"]["coverage"]
    assert 10 <= figures["other_products"] < 20
    assert figures["graph_recall"] > 0.95
    ids = list(Product.objects.values_list("pk", flat=True))
    assert len(read_factors(model, ids)) == PRODUCTS


def test_the_nearest_factors_are_those_of_the_greatest_inner_products(shop: None) -> None:
    _, model = train()
    factors = read_factors(model, list(Product.objects.values_list("pk", flat=True)))
    query = next(iter(factors.values()))

    found = nearest_factors(model, query, 5)

    exact = sorted(factors, key=lambda pk: -float(factors[pk] @ query))[:5]
    assert [item.product_id for item in found][:3] == exact[:3]
    assert found[0].preference == pytest.approx(float(factors[exact[0]] @ query), rel=0.01)


def test_a_refresh_makes_new_products_recommendable(fast_encoders: None) -> None:
    _, model = train()
    [new] = add_products([900])
    assert read_factors(model, [new.pk]) == {}
    assert list_models()[0]["products"]["waiting"] == 0  # it cannot be found at all yet

    refresh()

    products = list_models()[0]["products"]
    assert products["waiting"] == 0
    assert products["learned"] + products["predicted"] == PRODUCTS + 1

    factor = read_factors(model, [new.pk])[new.pk]
    assert new.pk in [item.product_id for item in nearest_factors(model, factor, PRODUCTS)]
    assert live_factors() == model


def test_new_products_are_recommendable_after_a_rebuild_with_another_encoder(
    fast_encoders: None,
) -> None:
    _, model = train()
    ids = list(Product.objects.values_list("pk", flat=True))
    before = read_factors(model, ids)
    [new] = add_products([901])

    rebuild("other")

    model = FactorModel.objects.get(pk=model.pk)
    assert model.encoder is not None
    assert model.encoder.name == "other"
    assert list_models()[0]["products"]["waiting"] == 0
    after = read_factors(model, [*ids, new.pk])
    assert all(np.array_equal(after[pk], factor) for pk, factor in before.items())
    assert new.pk in after


def test_an_interrupted_training_is_done_again(shop: None, monkeypatch: pytest.MonkeyPatch) -> None:
    real, calls = recommendation_run.write_factors, []

    def die_once(*arguments: Any) -> Any:
        done = real(*arguments)
        calls.append(1)
        if len(calls) == 1:
            raise RuntimeError("killed after it had written its table")
        return done

    monkeypatch.setattr(recommendation_run, "write_factors", die_once)

    _, model = train()

    assert len(calls) == 2
    assert model.state == "live"
    assert len(read_factors(model, list(Product.objects.values_list("pk", flat=True)))) == PRODUCTS


def test_roll_back_goes_to_the_model_before(shop: None) -> None:
    _, first = train()
    _, second = train()
    assert live_factors() == second

    assert roll_back_factors() == first

    assert live_factors() == first
    second.refresh_from_db()
    assert (second.state, second.note) == ("rejected", "rolled back")
    with pytest.raises(PublishingError, match="no earlier"):
        roll_back_factors()
    assert publish_factors(second).state == "live"


def test_a_model_that_fails_its_gate_does_not_go_live(
    shop: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recommendation_run, "failed_gates", lambda figures: ["it is bad"])

    _, model = train()

    assert (model.state, model.note) == ("rejected", "it is bad")
    assert live_factors() is None


def test_a_model_that_shall_not_be_published_waits(shop: None) -> None:
    _, model = train(publish=False)

    assert model.state == "built"
    assert live_factors() is None
    assert publish_factors(model).state == "live"


def test_too_little_history_is_said(empty_shop: None) -> None:
    assert learn_recommendations().startswith("0 shoppers have opened new products")

    run = work_on(start_recommendations())

    assert run.state == "failed"
    assert "At least 20 are needed" in run.error


def test_preferences_are_weighed_by_kind_and_age(empty_shop: None, tmp_path: Path) -> None:
    first, second, hidden = (product.pk for product in add_products(range(3)))
    Product.objects.filter(pk=hidden).update(is_visible=False)
    until = timezone.now()

    def happen(kind: str, product: int, days: float, **who: str) -> None:
        at = until - timedelta(days=days)
        Event.objects.create(type=kind, product_id=product, at=at, **who)

    happen("view", first, 30, user="a")
    happen("purchase", first, 3, user="a")
    happen("wrong", second, 30, user="a")
    happen("view", hidden, 3, user="a")
    happen("view", first, 60, session="b")
    happen("view", second, 3, session="b")
    happen("view", first, 3, session="one product alone")

    history = read_history(until, days=90, held_out_days=7)

    assert history.products.tolist() == [first, second]
    assert history.shoppers == 2
    halves = 2.0 ** (-3 / 30)
    session, user = history.all_days.toarray()
    assert np.allclose(user, [0.5 + 5 * halves, -2.5], atol=0.01)
    assert np.allclose(session, [0.25, halves], atol=0.01)
    assert history.later.toarray().tolist() == [[0, 1], [0, 0]]
