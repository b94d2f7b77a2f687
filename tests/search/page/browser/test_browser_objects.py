"""Outlines of objects in a real browser: tapped, chosen by keyboard, and drawn over."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.indexing.conftest import drop_vector_tables
from tests.search.colour_spotter import ColourSpotter, fill_shop, png, scene

pytestmark = pytest.mark.browser

THINGS = (("red", (20, 60, 140, 180)), ("blue", (180, 60, 290, 180)), ("lime", (220, 2, 280, 52)))


@pytest.fixture
def site(transactional_db: None, spotter: ColourSpotter, served: str) -> Iterator[str]:
    """The URL of a running site with an object of each colour."""
    fill_shop(spotter)
    yield served
    drop_vector_tables()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "scene.png"
    path.write_bytes(png(scene(*THINGS)))
    return path


def middle(page: Page, number: int) -> tuple[float, float]:
    box = page.get_by_role("button", name=f"Item {number} of 3").bounding_box()
    assert box is not None
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


def test_a_tap_on_an_object_searches_for_it(
    site: str, file: Path, page: Page, spotter: ColourSpotter
) -> None:
    page.goto(site)
    page.get_by_label("Choose a photo").set_input_files(file)

    outlines = page.locator("crop-box button")
    expect(outlines).to_have_count(3)
    expect(page.get_by_text("Select an item, or draw a box around it.")).to_be_visible()
    expect(page.locator("#results .card h2").nth(1)).to_have_text("Thing blue")

    page.mouse.click(*middle(page, 2))
    page.wait_for_url("**/search/?query=*&box=*")
    expect(page.locator("#results .card h2").first).to_have_text("Thing blue")
    expect(outlines.nth(1)).to_have_attribute("aria-pressed", "true")
    expect(outlines).to_have_count(3)

    page.mouse.click(*middle(page, 1))
    expect(page.locator("#results .card h2").first).to_have_text("Thing red")
    expect(outlines.nth(0)).to_have_attribute("aria-pressed", "true")
    expect(outlines.nth(1)).to_have_attribute("aria-pressed", "false")
    assert spotter.detected_in == 1

    # The whole photo again. A box may start within an outline.
    page.get_by_role("button", name="Whole photo").click()
    expect(page.locator("#results .card h2").nth(1)).to_have_text("Thing blue")
    x, y = middle(page, 2)
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + 30, y + 25, steps=3)
    page.mouse.up()
    page.wait_for_url("**/search/?query=*&box=*")
    expect(page.locator("#results .card h2").first).to_have_text("Thing blue")
    expect(page.locator('crop-box button[aria-pressed="true"]')).to_have_count(0)


def test_the_keyboard_chooses_an_object(site: str, file: Path, page: Page) -> None:
    page.goto(site)
    page.get_by_label("Choose a photo").set_input_files(file)
    expect(page.locator("crop-box button")).to_have_count(3)

    page.locator(".crop-frame").focus()
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")

    page.wait_for_url("**/search/?query=*&box=*")
    expect(page.locator("#results .card h2").first).to_have_text("Thing blue")
    chosen = page.get_by_role("button", name="Item 2 of 3")
    expect(chosen).to_be_focused()

    # The whole photo once more.
    page.keyboard.press("Space")
    expect(page.locator("#results .card h2").first).to_have_text("Thing red")
    expect(chosen).to_have_attribute("aria-pressed", "false")
    expect(chosen).to_be_focused()
