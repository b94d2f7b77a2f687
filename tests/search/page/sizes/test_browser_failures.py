"""Failures in Chromium, on a desktop and on a phone: of the connection, of the server, and of the
form. The page says what to do, and recovers. Without scripts it works too."""

from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from search.page import views
from tests.search.page.sizes.conftest import CHAIR, SIZES, choose, shoot

pytestmark = [pytest.mark.browser, pytest.mark.django_db]


def test_a_server_that_breaks_is_asked_again(
    site: str,
    page: Page,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fail(*args: Any) -> None:
        raise RuntimeError("broken")

    page.goto(site)
    with monkeypatch.context() as broken:
        broken.setattr(views, "logged_search", fail)
        page.locator("#image").set_input_files(CHAIR)
        expect(page.get_by_role("button", name="Try again")).to_be_visible()
        expect(page.locator("header")).to_have_count(1)  # no page within the page
        shoot(page, "broken")
    expect(page.locator("#results .card")).to_have_count(24)  # by itself
    expect(page.locator(".offline-notice")).to_be_hidden()


def test_the_keyboard_keeps_its_place(site: str, page: Page, context: BrowserContext) -> None:
    page.goto(site)
    choose(page, CHAIR)
    page.wait_for_url("**query=*")
    cards = page.locator("#results .card")

    page.locator("#show-more").focus()
    page.keyboard.press("Enter")
    expect(cards.nth(24).locator("h2 a")).to_be_focused()

    # Also if it has to be asked twice.
    context.set_offline(True)
    page.locator("#show-more").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name="Try again")).to_be_visible()
    expect(page.locator("#show-more")).to_be_focused()
    context.set_offline(False)
    expect(cards.nth(48).locator("h2 a")).to_be_focused()

    # In the filters, which are closed again on a phone.
    page.goto(f"{site}/search/?q=chair")
    opener = page.locator("#open-filters")
    opens = opener.is_visible()
    if opens:
        opener.click()
    category = page.locator("#filters input[name=category]").first
    category.focus()
    page.keyboard.press("Space")
    page.wait_for_url("**category=*")
    expect(category).to_be_focused()
    if opens:
        page.keyboard.press("Escape")
        expect(opener).to_be_focused()


def test_an_example_that_cannot_be_loaded_is_loaded_later(
    site: str,
    page: Page,
    context: BrowserContext,
) -> None:
    page.goto(site)
    context.set_offline(True)
    page.locator("[data-example]").first.click()
    expect(page.get_by_role("button", name="Try again")).to_be_visible()
    assert page.url == f"{site}/"

    context.set_offline(False)
    expect(page.locator("#results .card").first).to_be_visible()


def test_a_page_that_was_open_for_too_long_says_so(
    site: str,
    page: Page,
    context: BrowserContext,
) -> None:
    page.goto(site)
    context.clear_cookies()
    page.locator("#image").set_input_files(CHAIR)

    notice = page.locator("#results").get_by_role("alert")
    expect(notice).to_contain_text("The page was open for too long")
    expect(page.locator("header")).to_have_count(1)
    shoot(page, "too-long")
    page.reload()
    choose(page, CHAIR)


@pytest.mark.parametrize("size", SIZES)
def test_without_scripts(site: str, browser: Browser, size: str) -> None:
    plain = browser.new_context(java_script_enabled=False, locale="en-US", **SIZES[size]).new_page()
    plain.set_default_timeout(60_000)
    plain.goto(site)
    plain.locator("#image").set_input_files(CHAIR)
    plain.get_by_role("button", name="Search", exact=True).click()
    cards = plain.locator("#results .card")
    expect(cards).to_have_count(24)
    for name in ("Open the photo", "Draw a box", "Whole photo"):
        expect(plain.get_by_role("button", name=name)).to_be_hidden()
    plain.get_by_role("button", name="Show more").click()
    expect(cards).to_have_count(48)
    results = plain.url

    plain.locator("#results .card h2 a").nth(30).click()
    plain.wait_for_url("**/products/**")
    plain.go_back()
    assert plain.url == results
    expect(cards).to_have_count(48)
