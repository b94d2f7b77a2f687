"""What Chromium receives from the production server, in bytes on the wire."""

from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.search.page.sizes.conftest import CHAIR
from tests.support.web_servers import WebServer

pytestmark = [pytest.mark.browser, pytest.mark.django_db, pytest.mark.long]

MAX_BYTES = 150_000  # of the first page of results, without photos
MAX_BLOCKING_BYTES = 15_000  # of what blocks the first paint
PHOTOS = ("/media/", "/examples/", "/search/photos/")
ENTRIES = """() => [...performance.getEntriesByType("navigation"),
    ...performance.getEntriesByType("resource")].map((one) => ({
    name: new URL(one.name).pathname, bytes: one.transferSize,
    blocks: one.renderBlockingStatus === "blocking" }))"""


def received(page: Page) -> list[dict[str, Any]]:
    """Returns the answers that the open page has received, photos of products left out."""
    page.wait_for_load_state("networkidle")
    entries: list[dict[str, Any]] = page.evaluate(ENTRIES)
    return [one for one in entries if not one["name"].startswith(PHOTOS)]


@pytest.mark.parametrize("way", ["words", "photo"])
def test_the_first_page_of_results_is_light(demo_server: WebServer, page: Page, way: str) -> None:
    page.set_default_timeout(60_000)
    expect.set_options(timeout=60_000)
    site = f"http://127.0.0.1:{demo_server.port}"
    if way == "words":
        page.goto(f"{site}/search/?q=chair")
    else:
        page.goto(site)
        page.locator("#image").set_input_files(CHAIR)
    expect(page.locator("#results .card")).to_have_count(24)

    entries = received(page)

    total = sum(one["bytes"] for one in entries)
    blocking = [one for one in entries if one["blocks"]]
    print(f"{way}: {total} bytes, {sum(one['bytes'] for one in blocking)} of them block")
    assert 10_000 < total < MAX_BYTES, entries
    assert {one["name"].rpartition(".")[2] for one in blocking} == {"css"}
    assert 1_000 < sum(one["bytes"] for one in blocking) < MAX_BLOCKING_BYTES, blocking
