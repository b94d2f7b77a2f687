"""What shoppers can rely on in the answers, in a real browser: the order of badges, words beside a
photo, and titles, skus and typos."""

import re

import pytest
from playwright.sync_api import Page, expect

from tests.search.page.sizes.conftest import CHAIR, choose

pytestmark = [pytest.mark.browser, pytest.mark.django_db, pytest.mark.long]

LEVELS = ("exact", "similar", "")


def levels(page: Page) -> list[str]:
    """The badge of each result, in their order, "" without one."""
    classes = page.locator("#results .card").evaluate_all(
        "cards => cards.map(card => card.querySelector('.badge')?.className ?? '')"
    )
    return [name.removeprefix("badge").strip() for name in classes]


def prices(page: Page) -> list[float]:
    texts = page.locator("#results .price").all_inner_texts()
    return [float(re.sub(r"[^\d.]", "", text)) for text in texts]


def search(page: Page, words: str) -> None:
    page.locator("#q").fill(words)
    page.locator("#q").press("Enter")
    page.wait_for_url(lambda address: "q=" in address)
    expect(page.locator("#results")).not_to_have_attribute("aria-busy", "true")


def test_badges_prices_and_words_beside_a_photo(site: str, page: Page) -> None:
    page.goto(site)
    choose(page, CHAIR)
    shown = levels(page)
    assert shown[0] == "exact"
    assert shown == sorted(shown, key=LEVELS.index)
    first = page.locator("#results .card").first.get_attribute("data-product")

    page.locator("#sort").select_option("price")
    page.wait_for_url("**sort=price**")
    expect(page.locator("#results .card").first).to_be_visible()
    assert prices(page) == sorted(prices(page))
    page.locator("#sort").select_option("relevance")
    expect(page.locator(f"#results .card[data-product='{first}']")).to_be_visible()

    # The chair is brown, so it is no exact match any more.
    search(page, "green")
    expect(page.locator("#results .badge.exact")).to_have_count(0)


def test_titles_skus_typos_and_nonsense(site: str, page: Page) -> None:
    page.goto(site)
    link = page.locator("#results .card a").first
    for words, title in (
        ("Modern armchair", "Modern armchair"),
        ("blends-umbrellafolded", "Umbrella"),
        ("umbrela", "Umbrella"),
    ):
        search(page, words)
        expect(link).to_have_text(re.compile(title, re.IGNORECASE))

    search(page, "asdfghjkl qwerty")
    expect(page.locator("#results .card")).to_have_count(0)
    expect(page.get_by_role("status")).to_contain_text(re.compile("nothing", re.IGNORECASE))
