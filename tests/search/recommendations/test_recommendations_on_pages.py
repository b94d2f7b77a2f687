"""What the pages recommend: "For you" on the start page, and "Goes with this" on a product's."""

import re

import pytest
from django.test import Client
from django.utils import timezone

from catalog.models import Event, FactorModel, Generation, Product
from tests.search.recommendations.conftest import CIRCLES

pytestmark = pytest.mark.django_db

SESSION = "0123456789abcdef0123456789abcdef"


def shown(client: Client, **headers: str) -> list[int]:
    """The products that the start page shows, in order."""
    page = client.get("/for-you/", headers=headers)
    assert page.status_code == 200
    assert "no-store" in page["Cache-Control"]
    return [int(pk) for pk in re.findall(r'data-product="(\d+)"', page.content.decode())]


def view(product: int) -> None:
    Event.objects.create(type="view", product_id=product, session=SESSION, at=timezone.now())


def test_for_you_follows_the_session(shop: list[int], client: Client) -> None:
    before = shown(client, **{"X-Session": SESSION})
    view(shop[41])

    after = shown(client, **{"X-Session": SESSION})

    assert len(before) == len(after) == 12
    assert after != before
    assert shop.index(after[0]) % CIRCLES == 1
    assert shown(client) == before  # another shopper


@pytest.mark.parametrize("headers", [{"Sec-GPC": "1"}, {"DNT": "1"}])
def test_for_you_knows_nothing_of_those_who_ask_not_to_be_followed(
    headers: dict[str, str], shop: list[int], client: Client
) -> None:
    strangers = shown(client)
    view(shop[41])

    assert shown(client, **headers, **{"X-Session": SESSION}) == strangers


@pytest.mark.parametrize("session", ["", "short", "x" * 101, "é" * 30, "a\tb" * 10])
def test_odd_sessions_are_strangers(session: str, shop: list[int], client: Client) -> None:
    assert shown(client, **{"X-Session": session}) == shown(client)


def test_for_you_is_empty_without_an_index(shop: list[int], client: Client) -> None:
    Generation.objects.update(state="retired")

    page = client.get("/for-you/")

    assert (page.status_code, page.content) == (200, b"")


def test_reasons_are_shown_in_both_languages(shop: list[int], client: Client) -> None:
    view(shop[41])

    for language, reason in (
        ("en", "Because you viewed Thing 41"),
        ("ru", "Вы смотрели «Thing 41»"),
    ):
        headers = {"X-Session": SESSION, "Accept-Language": language}
        assert reason in client.get("/for-you/", headers=headers).content.decode()


def test_a_product_page_shows_what_goes_with_it(shop: list[int], client: Client) -> None:
    product = Product.objects.get(pk=shop[2])

    page = client.get(f"/products/{product.pk}/").content.decode()

    section = page[page.index("Goes with this") :].split("</section>")[0]
    others = [int(pk) for pk in re.findall(r'data-product="(\d+)"', section)]
    assert len(others) == 6
    assert {shop.index(pk) % CIRCLES for pk in others} == {2}
    assert {Product.objects.get(pk=pk).category.slug for pk in others} == {"rec-rugs"}
    FactorModel.objects.update(state="retired")
    assert "Goes with this" not in client.get(f"/products/{product.pk}/").content.decode()
