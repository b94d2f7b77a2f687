"""What the search page shows after mistakes in Chromium, on a desktop and on a phone: of files, of
prices, of words and of addresses. axe-core finds nothing wrong with it, in light and dark."""

from pathlib import Path

import pytest
from PIL import Image
from playwright.sync_api import Page, expect

from tests.search.page.sizes.conftest import CHAIR, choose, shoot

pytestmark = [pytest.mark.browser, pytest.mark.django_db, pytest.mark.long]


def test_a_refused_file_and_a_blank_photo(site: str, page: Page, tmp_path: Path) -> None:
    drawing = tmp_path / "drawing.svg"
    drawing.write_text('<svg xmlns="http://www.w3.org/2000/svg"><script/></svg>')
    page.goto(site)
    page.locator("#image").set_input_files(drawing)
    notice = page.get_by_role("alert").filter(has_text="JPEG")
    expect(notice).to_be_visible()
    shoot(page, "refused-file")

    blank = tmp_path / "blank.jpg"
    Image.new("RGB", (640, 480), "#302520").save(blank)
    page.locator("#image").set_input_files(blank)
    name = "There is nothing to see in this photo"
    expect(page.get_by_role("heading", level=1, name=name)).to_be_visible()
    expect(page.locator("#results .card")).to_have_count(0)
    shoot(page, "blank-photo")


def test_prices_in_the_wrong_order_and_a_typo(site: str, page: Page) -> None:
    page.goto(f"{site}/search/?q=chair&price_min=100&price_max=10")
    expect(page.locator("#results .card").first).to_be_visible()
    error = page.locator(".field-error")
    if page.locator("#open-filters").is_visible():
        page.locator("#open-filters").click()
    expect(error).to_be_visible()
    shoot(page, "wrong-prices")

    page.goto(f"{site}/search/?q=lapm")
    expect(page.get_by_text("Showing results for “lamp”.")).to_be_visible()
    expect(page.locator("#results .card").first).to_contain_text("Lamp")
    shoot(page, "corrected-words")


def test_an_address_without_a_page(site: str, page: Page) -> None:
    answer = page.goto(f"{site}/no-such-page/")
    assert answer is not None
    assert answer.status == 404
    expect(page.get_by_role("heading", level=1)).to_have_count(1)
    shoot(page, "no-page")


def test_results_in_russian(site: str, page: Page) -> None:
    page.goto(site)
    page.get_by_role("button", name="Русский").click()
    expect(page.locator("html")).to_have_attribute("lang", "ru")
    choose(page, CHAIR)
    expect(page.locator("#results .card").first).to_contain_text("Точное совпадение")
    shoot(page, "photo-in-russian")
    page.goto(f"{site}/search/?q=стул")
    expect(page.locator("#results .card").first).to_contain_text("тул")
    wide = "document.documentElement.scrollWidth > innerWidth"
    assert not page.evaluate(wide)
    shoot(page, "words-in-russian")
