"""Chromium on a desktop and on a phone, and what its tests do again and again."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

from config.paths import DATA_DIR
from tests.search.browser import CHROMIUM, FLAGS

PHOTOS = Path(__file__).resolve().parents[4] / "catalog/demo/photos"
CHAIR = PHOTOS / "blends-antiquechair-0.jpg"
SIZES: dict[str, dict[str, Any]] = {
    "desktop": {"viewport": {"width": 1280, "height": 900}},
    "phone": {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True},
}


@pytest.fixture
def site(demo_index: None, served: str) -> str:
    """The URL of a running site with the demo catalogue."""
    return served


@pytest.fixture
def browser() -> Iterator[Browser]:
    if CHROMIUM is None:
        pytest.skip("Chromium is not installed (apt-get install chromium)")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture(params=["phone", pytest.param("desktop", marks=pytest.mark.long)])
def context(browser: Browser, request: pytest.FixtureRequest) -> BrowserContext:
    return browser.new_context(locale="en-US", **SIZES[request.param])


@pytest.fixture
def page(context: BrowserContext) -> Iterator[Page]:
    page = context.new_page()
    page.set_default_timeout(60_000)
    expect.set_options(timeout=60_000)
    problems: list[str] = []
    page.on("pageerror", lambda error: problems.append(str(error)))
    yield page
    assert problems == []


def shoot(page: Page, state: str) -> None:
    """Writes a screenshot, and checks the page with axe-core in both themes."""
    for scheme in ("dark", "light"):
        page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
        found = Axe().run(page, options={"resultTypes": ["violations"]}).response["violations"]
        wrong = [(one["id"], [node["target"] for node in one["nodes"]]) for one in found]
        assert wrong == [], (state, scheme)
    folder = DATA_DIR / "screenshots"
    folder.mkdir(parents=True, exist_ok=True)
    width = page.viewport_size["width"] if page.viewport_size else 0
    page.screenshot(path=folder / f"{state}-{width}.png")


def choose(page: Page, photo: Path) -> None:
    page.locator("#image").set_input_files(photo)
    expect(page.locator("#results .card").first).to_be_visible()
