"""Strangers who report events cannot push a product into what others are recommended: an address
counts once a product, kind and day, whatever sessions it invents."""

from collections.abc import Callable
from datetime import timedelta

import numpy as np
import pytest
from django.test import Client
from django.utils import timezone

from catalog.api.access_keys import create_key
from catalog.models import Event, Product
from indexing.recommendations.factor_evaluation import rank_top
from indexing.recommendations.factor_training import FactorSettings, train_factors
from indexing.recommendations.learning_factors import STRENGTHS
from indexing.recommendations.shopper_history import ShopperHistory, read_history
from indexing.recommendations.synthetic_history import make_history

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("empty_shop")]

PRODUCTS, SHOPPERS, DAYS = 200, 500, 60
FORGED = SHOPPERS // 100
KINDS = ("view", "click", "cart", "purchase")
MOST = 0.05  # of the other shoppers, to whom a hundredth of forged sessions may push a product


@pytest.fixture
def ids() -> list[int]:
    """Products, and the history of shoppers, each at home. The last product has no history."""
    Product.objects.bulk_create([Product(sku=f"{n}", title=f"Thing {n}") for n in range(PRODUCTS)])
    ids = list(Product.objects.order_by("pk").values_list("pk", flat=True))
    made = make_history(ids[:-1], SHOPPERS, DAYS, timezone.now())
    Event.objects.insert_once(
        [
            Event(
                at=e.at,
                type=e.type,
                product_id=e.product_id,
                user=e.user,
                origin=f"{e.at:%d}{e.user}",
            )
            for e in made
        ]
    )
    return ids


def report(target: int, others: list[int], origin_of: Callable[[int], str]) -> None:
    """Forges sessions that do all that can be done with the target, and view other products."""
    now = timezone.now()
    Event.objects.insert_once(
        [
            Event(
                at=now - timedelta(hours=hour),
                type=kind,
                product_id=product,
                session=f"forged {number}",
                origin=origin_of(number),
            )
            for number in range(FORGED)
            for hour in range(10)
            for kind, product in [*((k, target) for k in KINDS), ("view", others[hour])]
        ]
    )


def learn() -> ShopperHistory:
    return read_history(timezone.now(), DAYS, held_out_days=7)


def share_with(target: int, history: ShopperHistory) -> float:
    """Returns the share of honest shoppers to whom the product is among the first 20, with the
    strength that training may choose and that shows it to most of them."""
    return max(_share_with(target, history, FactorSettings(16, *each)) for each in STRENGTHS)


def _share_with(target: int, history: ShopperHistory, settings: FactorSettings) -> float:
    [column] = np.flatnonzero(history.products == target)
    trained = train_factors(history.all_days, settings, lambda: None)
    knows = history.all_days[:, [column]].toarray().ravel() > 0
    scores = trained.shoppers @ trained.products.T
    scores[history.all_days.nonzero()] = -np.inf
    return float((rank_top(scores) == column).any(axis=1)[~knows].mean())


def popular(ids: list[int], history: ShopperHistory) -> list[int]:
    counts = np.asarray((history.all_days > 0).sum(axis=0)).ravel()
    return history.products[np.argsort(-counts)][:20].tolist()


def test_sessions_of_one_address_count_as_one_shopper(ids: list[int]) -> None:
    target = ids[-1]
    report(target, popular(ids, learn()), lambda number: "one address")

    history = learn()

    [column] = np.flatnonzero(history.products == target)
    assert (history.all_days[:, [column]] != 0).sum() == 1
    assert share_with(target, history) <= 0.01


def test_a_hundredth_of_forged_sessions_reaches_few_others(ids: list[int]) -> None:
    target = ids[-1]
    report(target, popular(ids, learn()), lambda number: f"address {number}")

    history = learn()

    [column] = np.flatnonzero(history.products == target)
    assert (history.all_days[:, [column]] != 0).sum() == FORGED
    assert share_with(target, history) <= MOST


def test_the_shoppers_of_a_server_with_a_secret_key_count_each(client: Client) -> None:
    first, second = Product.objects.bulk_create([Product(sku="a"), Product(sku="b")])
    _, key = create_key("server", ["events"], "test")
    events = [
        {"type": "view", "product": product.pk, "user": f"shopper {number}"}
        for number in range(30)
        for product in (first, second)
    ]

    for headers in ({}, {"Authorization": f"Bearer {key}"}):
        answer = client.post("/api/v1/events/", events, "application/json", headers=headers)
        assert answer.status_code == 202

        counted = learn().shoppers
        assert counted == (30 if headers else 1)
        Event.objects.all().delete()


def test_what_a_shopper_does_again_on_a_day_counts_once(ids: list[int]) -> None:
    Event.objects.all().delete()
    now = timezone.now()
    for hours, kind, product in ((1, "view", 0), (0, "view", 0), (0, "cart", 0), (0, "view", 1)):
        at = now.replace(hour=12) - timedelta(days=1, hours=hours)
        Event.objects.create(type=kind, product_id=ids[product], session="s", origin="", at=at)

    weights = learn().all_days.toarray()

    assert weights.shape == (1, 2)
    assert np.allclose(weights, [[4, 1]], atol=0.2)
