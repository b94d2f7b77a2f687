"""The web component in the page of a shop on another origin: the page of `docs/`, a publishable key
of its origin, and the production server."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from catalog.api.access_keys import create_key
from catalog.models import ApiKey, Event
from tests.support.accessibility import find_violations
from tests.support.committed import run_committed
from tests.support.processes import wait_until
from tests.support.web_servers import WebServer

# Each test begins with a search by a process that has just started.
pytestmark = [pytest.mark.browser, pytest.mark.django_db, pytest.mark.long]

ROOT = Path(__file__).resolve().parents[3]
CHAIR = ROOT / "catalog/demo/photos/blends-antiquechair-0.jpg"
OURS = "http://127.0.0.1:8000/"  # the address of Vitrina in the page of `docs/`
PHONE = {"width": 390, "height": 844}


class QuietHandler(SimpleHTTPRequestHandler):
    def log_message(self, *args: Any) -> None:
        """Says nothing."""


@pytest.fixture
def origins(tmp_path: Path) -> Iterator[list[str]]:
    """The origins of two shops, which serve the same folder."""
    (tmp_path / "shop").mkdir()
    handler = partial(QuietHandler, directory=str(tmp_path / "shop"))
    with ExitStack() as running:
        started = []
        for _ in range(2):
            server = running.enter_context(ThreadingHTTPServer(("127.0.0.1", 0), handler))
            Thread(target=server.serve_forever, daemon=True).start()
            running.callback(server.shutdown)
            started.append(f"http://127.0.0.1:{server.server_port}")
        yield started


@pytest.fixture
def open_shop(
    demo_server: WebServer, origins: list[str], tmp_path: Path, page: Page
) -> Iterator[Callable[..., None]]:
    """Returns a function that opens the page of `docs/` in a shop, with the key of the first."""
    row, key = run_committed(partial(create_key, "Shop", ["search", "events"], "", [origins[0]]))
    text = (ROOT / "docs/storefront.html").read_text()
    assert text.count(OURS) == 2
    text = text.replace(OURS, f"http://127.0.0.1:{demo_server.port}/")
    assert 'key=""' in text
    text = text.replace('key=""', f'key="{key}"')

    def open_page(origin: str, language: str = "en") -> None:
        written = text.replace('lang="en"', f'lang="{language}"')
        (tmp_path / "shop/index.html").write_text(written)
        page.set_default_timeout(60_000)
        expect.set_options(timeout=60_000)
        page.goto(f"{origin}/")

    yield open_page
    run_committed(ApiKey.objects.filter(pk=row.pk).delete)
    run_committed(Event.objects.all().delete)


def test_a_photo_a_box_and_a_click_in_a_shop_of_another_origin(
    open_shop: Callable[..., None], origins: list[str], page: Page
) -> None:
    open_shop(origins[0])
    page.locator("vitrina-search #file").set_input_files(CHAIR)
    cards = page.locator("vitrina-search li")
    expect(cards).to_have_count(12)
    expect(cards.first).to_contain_text("Exact match")
    decoded = "image => image.decode().then(() => image.naturalWidth)"
    assert cards.first.locator("img").evaluate(decoded) > 0
    assert find_violations(page) == []

    page.locator("vitrina-search .frame").scroll_into_view_if_needed()
    frame = page.locator("vitrina-search .frame").bounding_box()
    assert frame is not None
    page.mouse.move(frame["x"] + 0.3 * frame["width"], frame["y"] + 0.2 * frame["height"])
    page.mouse.down()
    page.mouse.move(frame["x"] + 0.95 * frame["width"], frame["y"] + 0.95 * frame["height"])
    with page.expect_response("**/api/v1/search/photo/") as answered:
        page.mouse.up()
    answer = answered.value.json()
    assert answer["query"]["box"] is not None
    expect(page.get_by_role("button", name="Whole photo")).to_be_visible()

    # The click is stored with its search, and leads to the product's page.
    first = answer["results"][0]["product"]
    with page.expect_navigation():
        cards.first.get_by_role("link").click()
    assert page.url == first["url"]
    wait_until(lambda: run_committed(Event.objects.filter(type="click").exists))
    (event,) = run_committed(lambda: list(Event.objects.filter(type="click")))
    stored = (event.type, event.product_id, event.query_id)
    assert stored == ("click", first["id"], answer["query"]["id"])


def test_in_russian_on_a_phone_it_fits_the_screen(
    open_shop: Callable[..., None], origins: list[str], page: Page
) -> None:
    page.set_viewport_size(PHONE)  # type: ignore[arg-type]
    open_shop(origins[0], "ru")
    wide = "document.documentElement.scrollWidth > innerWidth"
    assert not page.evaluate(wide)
    page.locator("vitrina-search #file").set_input_files(CHAIR)

    card = page.locator("vitrina-search li").first
    expect(card).to_contain_text("Точное совпадение")
    assert not page.evaluate(wide)
    box = card.bounding_box()
    assert box is not None
    assert box["y"] < PHONE["height"] - 100  # results begin above the fold
    assert find_violations(page) == []


@pytest.mark.parametrize(
    ("language", "words"),
    [("en", "Search is not set up for"), ("ru", "Поиск не настроен для")],
)
def test_the_page_of_another_shop_is_refused_with_a_sentence(
    open_shop: Callable[..., None], origins: list[str], page: Page, language: str, words: str
) -> None:
    open_shop(origins[1], language)
    page.locator("vitrina-search #file").set_input_files(CHAIR)

    said = page.locator("vitrina-search [role=status]")
    expect(said).to_contain_text(f"{words} {origins[1]}")
    expect(page.locator("vitrina-search li")).to_have_count(0)
