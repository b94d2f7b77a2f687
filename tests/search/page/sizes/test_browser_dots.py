"""The dots of all rooms among the demo's photos, on a desktop and on a phone: each selects its own
object. Prints how many there are."""

import json

import pytest
from playwright.sync_api import Page, expect

from tests.search.page.sizes.conftest import PHOTOS

pytestmark = [pytest.mark.browser, pytest.mark.django_db, pytest.mark.long]

LINES = (PHOTOS.parent / "photos.jsonl").read_text(encoding="utf-8").splitlines()
ROOMS = [PHOTOS.parent / row["file"] for row in map(json.loads, LINES) if row["scene"]]
MIDDLE = """outline => {
    const box = outline.getBoundingClientRect();
    return [box.x + box.width / 2, box.y + box.height / 2];
}"""


def test_each_dot_selects_its_object(site: str, page: Page) -> None:
    is_phone = page.viewport_size is not None and page.viewport_size["width"] < 500
    dots, wrong = 0, []
    for room in ROOMS:
        page.goto(site)
        page.locator("#image").set_input_files(room)
        expect(page.locator("#results .card").first).to_be_visible()
        outlines = page.locator("crop-box button")
        if is_phone:
            page.get_by_role("button", name="Open the photo").click()
        for number in range(outlines.count()):
            at = outlines.nth(number).evaluate(MIDDLE)
            tap = page.touchscreen.tap if is_phone else page.mouse.click
            with page.expect_response("**/search/?*box=*"):
                tap(*at)
            dots += 1
            pressed = outlines.nth(number).get_attribute("aria-pressed")
            wrong += [(room.name, number)] if pressed != "true" else []
            with page.expect_response("**/search/?*"):
                page.get_by_role("button", name="Whole photo").click()
    print(f"{len(ROOMS)} rooms, {dots} dots, {len(wrong)} select another object")
    assert dots > len(ROOMS)
    assert wrong == []
