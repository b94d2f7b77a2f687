"""The web component in Chromium: photo, box, words, results and clicks."""

from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.search.component.conftest import CHAIR, place

pytestmark = [pytest.mark.browser, pytest.mark.django_db, pytest.mark.usefixtures("demo_index")]

ROOT = Path(__file__).resolve().parents[3]
SCRIPT = ROOT / "static" / "vitrina-search.js"
MAX_BYTES = 20_000


def test_it_is_small_and_needs_nothing_else() -> None:
    script = SCRIPT.read_text()

    assert len(script.encode()) < MAX_BYTES
    assert "\nimport " not in script


def test_a_photo_a_box_and_a_click(served: str, page: Page) -> None:
    calls: list[tuple[str, str]] = []
    page.on("request", lambda r: calls.append((r.url, r.post_data or "")))
    place(page, served, lang="en", limit="6")
    page.locator("vitrina-search #file").set_input_files(CHAIR)

    cards = page.locator("vitrina-search li")
    expect(cards).to_have_count(6)
    expect(cards.first).to_contain_text("Exact match")
    assert cards.first.locator("img").evaluate("img => img.decode().then(() => img.naturalWidth)")
    page.get_by_role("button", name="Show more").click()
    expect(cards).to_have_count(12)

    # A box searches the kept photo again.
    page.locator("vitrina-search .frame").scroll_into_view_if_needed()
    frame = page.locator("vitrina-search .frame").bounding_box()
    assert frame is not None
    page.mouse.move(frame["x"] + 5, frame["y"] + 5)
    page.mouse.down()
    page.mouse.move(frame["x"] + 0.4 * frame["width"], frame["y"] + 0.5 * frame["height"], steps=3)
    page.mouse.up()
    expect(page.get_by_role("button", name="Whole photo")).to_be_visible()
    expect(cards).to_have_count(6)
    assert sum("/api/v1/search/photo/" in url for url, _ in calls) == 3

    # A click is told to the server and to the page, and leads to the product's page.
    page.evaluate(
        "addEventListener('vitrina-click', e => { window.clicked = e.detail.product.id })"
    )
    link = cards.first.get_by_role("link")
    href = link.get_attribute("href")
    link.evaluate("link => { link.target = '_blank'; }")
    link.click()
    page.wait_for_function("window.clicked")
    assert str(page.evaluate("window.clicked")) in (href or "")
    assert any('"click"' in body for url, body in calls if "/events/" in url)


def test_the_key_is_sent_with_every_call(served: str, page: Page) -> None:
    place(page, served, key="a-key", lang="en")
    page.get_by_placeholder("Search products").fill("chair")
    with page.expect_request("**/api/v1/search/text/**") as asked:
        page.keyboard.press("Enter")

    assert asked.value.headers["authorization"] == "Bearer a-key"


def test_words_in_russian_and_nothing_found(served: str, page: Page) -> None:
    place(page, served, lang="ru")
    field = page.get_by_placeholder("Поиск товаров")
    field.fill("кресло")
    field.press("Enter")
    expect(page.locator("vitrina-search li")).to_have_count(24)
    expect(page.locator("vitrina-search li").first).to_contain_text("ресло")
    page.get_by_role("button", name="Закрыть").click()

    field.fill("asdfghjkl")
    field.press("Enter")
    expect(page.get_by_text("Ничего не найдено.")).to_be_visible()
    expect(page.locator("vitrina-search li")).to_have_count(0)


def test_a_server_that_fails_is_tried_again(served: str, page: Page) -> None:
    place(page, served, lang="en")
    page.context.set_offline(True)
    page.get_by_placeholder("Search products").fill("chair")
    page.keyboard.press("Enter")
    again = page.get_by_role("button", name="Try again")
    expect(again).to_be_visible()

    page.context.set_offline(False)
    again.click()
    expect(page.locator("vitrina-search li")).to_have_count(24)
