"""Operators' ways through the console in a real browser, on a desktop and on a phone. They leave
screenshots in `test-results/console`."""

from collections.abc import Callable
from pathlib import Path

import pytest
from django.db import connection
from playwright.sync_api import Page, expect

from catalog.models import EncoderVersion, Generation, Product
from indexing.models import Chunk, IndexingRun
from tests.indexing.shop import photo

pytestmark = [pytest.mark.browser, pytest.mark.usefixtures("committed_shop"), pytest.mark.long]

SHOTS = Path(__file__).resolve().parents[3] / "test-results" / "console"
PASSWORD = "Longer-than-8-chars"
SIZES = pytest.mark.parametrize("size", [(1280, 900), (390, 844)], ids=["desktop", "phone"])


def test_a_bar_moves_and_a_run_is_cancelled(
    moving: IndexingRun, console: Callable[[str], Page]
) -> None:
    page = console("")
    bar = page.locator("#moving-runs progress")
    expect(bar).to_have_attribute("value", "50")

    Chunk.objects.filter(run=moving).update(state="done")
    connection.close()  # the browser's event loop has a connection of its own
    expect(bar).to_have_attribute("value", "100")  # without a reload

    page.get_by_role("link", name="Cancel…").click()
    expect(page.get_by_text("What is done stays done.")).to_be_visible()
    page.get_by_role("button", name="Cancel").click()
    expect(page.get_by_text(f"Run {moving.pk} is cancelled.")).to_be_visible()


def test_generations_are_compared_published_and_rolled_back(
    generations: list[Generation], console: Callable[[str], Page]
) -> None:
    old, new = generations
    page = console("catalog/generation/compare/")
    expect(page.get_by_text("results in common").first).to_be_visible()
    page.get_by_role("link", name=f"Publish generation {new.pk}…").click()
    page.get_by_role("button", name="Publish").click()
    expect(page.get_by_text(f"Generation {new.pk} is live.")).to_be_visible()

    page.get_by_role("link", name="Roll back…").click()
    expect(page.get_by_text(f"This undoes the switch to generation {new.pk}")).to_be_visible()
    page.get_by_role("button", name="Roll back").click()
    expect(page.get_by_text(f"Generation {old.pk} is live.")).to_be_visible()


def test_a_broken_photo_is_found_from_home_and_replaced(
    generations: list[Generation],
    console: Callable[[str], Page],
    tmp_path: Path,
) -> None:
    good = tmp_path / "good.png"
    good.write_bytes(photo(9, "PNG"))
    page = console("")
    page.get_by_role("link", name="Failed photos").last.click()
    expect(page.get_by_text("Broken lamp (bad)")).to_be_visible()
    page.get_by_role("link", name="Replace…").click()
    page.get_by_label("New photo").set_input_files(good)
    page.get_by_role("button", name="Replace the photo").click()
    expect(page.get_by_text("The photo is replaced.")).to_be_visible()


def test_every_page_fits_the_screen(
    generations: list[Generation],
    console: Callable[[str], Page],
    page: Page,
    size: tuple[int, int],
    tmp_path: Path,
) -> None:
    query = tmp_path / "query.png"
    query.write_bytes(photo(3, "PNG"))
    product = Product.objects.filter(sku="00003").get()
    encoder = EncoderVersion.objects.get()
    connection.close()  # the browser's event loop has a connection of its own
    for address in (
        *("catalog/product/find/?q=Thing", f"catalog/product/{product.pk}/why/"),
        *("catalog/loggedsearch/analytics/", "catalog/loggedsearch/", "catalog/auditentry/"),
        *("indexing/indexingrun/", "indexing/indexingrun/start/rebuild/", "catalog/generation/"),
        *("indexing/imagefailure/", f"catalog/product/{product.pk}/change/", "catalog/product/"),
        *("catalog/encoderversion/", f"catalog/encoderversion/{encoder.pk}/change/"),
        *("catalog/encoderversion/drift/", f"catalog/encoderversion/{encoder.pk}/rebuild/"),
        *("catalog/tag/", "catalog/source/", "catalog/productimport/", "catalog/event/"),
    ):
        console(address)
    page.emulate_media(color_scheme="dark")
    console("?days=7")
    expect(page.get_by_label("Delay from a change until it is found, minutes")).to_be_visible()
    console("catalog/loggedsearch/try/")
    page.get_by_label("Photo").set_input_files(query)
    page.locator("form[enctype] button", has_text="Search").click()
    expect(page.get_by_text("Decoded to 64 × 64 pixels")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= size[0]
