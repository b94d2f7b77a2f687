"""Recommendations over a small shop with a live index and a live factor model."""

from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from catalog.api.access_keys import create_key
from catalog.index.factor_store import live_factors
from catalog.models import Event, FactorModel, Product, Variant
from tests.search.recommendations.conftest import CIRCLES

pytestmark = pytest.mark.django_db

SESSION = "0123456789abcdef0123456789abcdef"
URL = "/api/v1/recommendations/"


def happen(kind: str, product: int, **who: str) -> None:
    who = who or {"session": SESSION}
    Event.objects.create(type=kind, product_id=product, at=timezone.now(), **who)


def ask(client: Client, **parameters: Any) -> list[dict[str, Any]]:
    answer = client.get(URL, {"session": SESSION, **parameters})
    assert answer.status_code == 200, answer.content
    return answer.json()["results"]


def circle_of(ids: list[int], result: dict[str, Any]) -> int:
    return ids.index(result["product"]["id"]) % CIRCLES


def test_a_stranger_gets_what_is_popular_and_new(shop: list[int], client: Client) -> None:
    results = ask(client, limit=10)

    assert len(results) == 10
    assert {result["because"]["kind"] for result in results} == {"popular", "new"}
    assert shop[0] in [result["product"]["id"] for result in results]
    assert all(result["because"]["product"] is None for result in results)


def test_the_view_of_a_moment_ago_changes_the_next_answer(shop: list[int], client: Client) -> None:
    for circle in (1, 2):
        happen("view", shop[circle + 20])

        first = ask(client, limit=8)

        taste = [result for result in first if result["because"]["kind"] == "taste"]
        assert taste[0] == first[0]
        assert circle_of(shop, first[0]) in range(1, circle + 1)
        assert {circle_of(shop, result) for result in taste} == set(range(1, circle + 1))
        for result in taste:
            reason = result["because"]["product"]
            assert circle_of(shop, result) == shop.index(reason) % CIRCLES


def test_opened_bought_and_rejected_products_are_left_out(shop: list[int], client: Client) -> None:
    for kind, number in (("view", 4), ("purchase", 8), ("wrong", 12), ("cart", 16)):
        happen(kind, shop[number])

    shown = {result["product"]["id"] for result in ask(client, limit=50)}

    assert not shown & {shop[number] for number in (4, 8, 12, 16)}


def test_recommendations_pass_filters_and_are_in_stock(shop: list[int], client: Client) -> None:
    happen("view", shop[3])
    Product.objects.filter(pk__in=shop[7:30]).update(in_stock=False)

    results = ask(client, limit=40, category="rec-lamps")

    assert results
    assert {result["product"]["category"]["slug"] for result in results} == {"rec-lamps"}
    assert all(result["product"]["in_stock"] for result in results)


def test_a_result_shows_a_variant_in_stock(shop: list[int], client: Client) -> None:
    happen("view", shop[3])
    of = Product.objects.get(pk=shop[7])
    for position, sku in enumerate(("rec-sold-out", "rec-there")):
        Variant.objects.create(
            product=of, sku=sku, price=5 + position, in_stock=sku == "rec-there", position=position
        )

    shown = {result["product"]["id"]: result for result in ask(client, limit=40)}

    assert shown[shop[7]]["variant"]["sku"] == "rec-there"


def test_products_that_look_alike_are_blended_in(shop: list[int], client: Client) -> None:
    FactorModel.objects.update(state=FactorModel.State.RETIRED)
    happen("view", shop[5])
    assert live_factors() is None

    results = ask(client, limit=10)

    assert results[0]["because"]["kind"] == "looks"
    assert results[0]["because"]["product"] == shop[5]
    assert results[0]["because"]["text"] == "Looks like Thing 5"


def test_reasons_are_in_the_language_of_the_shopper(shop: list[int], client: Client) -> None:
    happen("view", shop[5])

    answer = client.get(URL, {"session": SESSION}, headers={"Accept-Language": "ru"})

    assert answer.json()["results"][0]["because"]["text"] == "Вы смотрели «Thing 5»"


def test_a_user_needs_a_secret_key_and_a_session_a_long_name(
    shop: list[int], client: Client, check_problem: Any
) -> None:
    happen("view", shop[3], user="anna")
    for asked in ({"user": "anna"}, {"session": "short"}):
        check_problem(client.get(URL, asked), 403, "permission_denied")
    _, key = create_key("server", ["search"], "test")

    answer = client.get(URL, {"user": "anna"}, headers={"Authorization": f"Bearer {key}"})

    assert answer.json()["results"][0]["because"]["product"] == shop[3]
    assert answer["Cache-Control"] == "private, no-store"


def test_a_browser_that_asks_not_to_be_followed_is_a_stranger(
    shop: list[int], client: Client
) -> None:
    happen("view", shop[3])

    answer = client.get(URL, {"session": SESSION}, headers={"Sec-GPC": "1"})

    kinds = {result["because"]["kind"] for result in answer.json()["results"]}
    assert kinds == {"popular", "new"}


@pytest.mark.parametrize(
    "asked", [{"user": "a", "session": SESSION}, {"limit": 0}, {"sort": "price"}, {"offset": 5}]
)
def test_bad_parameters_are_refused(
    asked: dict[str, Any], shop: list[int], client: Client, check_problem: Any
) -> None:
    check_problem(client.get(URL, asked), 400, "parameter_invalid")
