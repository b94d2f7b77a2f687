"""A session in a real browser: each product that the shopper opens changes "For you"."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from catalog.index.factor_store import drop_factors
from catalog.models import Event, FactorModel
from tests.indexing.conftest import (  # noqa: F401  (fixtures)
    committed_shop,
    encoder,
    encoders,
    offline_settings,
)
from tests.indexing.shop import add_products, rebuild
from tests.search.browser import page, served  # noqa: F401  (fixtures)
from tests.search.recommendations.conftest import publish_model
from tests.support.committed import run_committed
from tests.support.processes import wait_until

pytestmark = [pytest.mark.browser, pytest.mark.long]


@pytest.fixture
def open_shop(committed_shop: None, served: str) -> Iterator[str]:  # noqa: F811
    """The address of a shop with a live index and a live factor model."""
    publish_model([product.pk for product in add_products(range(40))])
    rebuild()
    yield f"{served}/"
    for model in FactorModel.objects.all():
        drop_factors(model)


def shown(page: Page) -> list[str | None]:  # noqa: F811
    cards = page.locator(".for-you .card")
    expect(cards).to_have_count(12)
    return [card.get_attribute("data-product") for card in cards.all()]


def open_product(page: Page, number: int) -> str | None:  # noqa: F811
    """Opens a product of "For you", waits until its view is stored, and goes back to the start.
    Returns the product."""
    opened = page.locator(".for-you .card").nth(number).get_attribute("data-product")
    page.locator(f".for-you .card[data-product='{opened}'] a").first.click()
    page.wait_for_url("**/products/*/")
    viewed = Event.objects.filter(type="view", product_id=opened)
    wait_until(lambda: run_committed(viewed.exists))
    page.locator(".wordmark").click()
    page.wait_for_url(lambda url: "/products/" not in url)
    return opened


def test_each_click_changes_what_is_for_you_in_both_languages(
    open_shop: str,
    page: Page,  # noqa: F811
) -> None:
    page.goto(open_shop)
    seen, opened = [shown(page)], list[str | None]()
    for title, because in (("For you", "Because you viewed"), ("Для вас", "Вы смотрели")):
        if title == "Для вас":
            page.get_by_role("button", name="Русский").click()
            expect(page.locator("#for-you-title")).to_have_text(title)
            assert shown(page) == seen[-1]
        for number in (4, 7):
            opened.append(open_product(page, number))
            expect(page.locator("#for-you-title")).to_have_text(title)
            expect(page.locator(".because").first).to_contain_text(because)
            seen.append(shown(page))
            assert not set(opened) & set(seen[-1])

    assert len({tuple(products) for products in seen}) == 5
    assert run_committed(Event.objects.values("session").distinct().count) == 1
    assert run_committed(lambda: {event.channel for event in Event.objects.all()}) == {"page"}


def test_a_browser_that_asks_not_to_be_followed_sends_no_events(
    open_shop: str,
    page: Page,  # noqa: F811
) -> None:
    sent: list[str] = []
    page.on("request", lambda request: sent.append(request.url))
    page.add_init_script("Object.defineProperty(navigator, 'globalPrivacyControl', {value: true})")
    page.goto(open_shop)
    before = shown(page)

    page.locator(".for-you .card a").first.click()
    page.wait_for_url("**/products/*/")
    page.locator(".wordmark").click()
    page.wait_for_url(open_shop)

    assert shown(page) == before
    assert not [url for url in sent if "/events/" in url]
    assert not run_committed(Event.objects.exists)
