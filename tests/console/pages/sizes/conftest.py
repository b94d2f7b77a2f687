"""Fixtures of the browser tests that run on a desktop and on a phone: a shop with faults, and an
operator in front of it. The pages that they show leave screenshots in `test-results/console`."""

import re
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from django.contrib.auth.models import Group, User
from django.utils import timezone
from playwright.sync_api import Page

from catalog.models import Generation, Measurement
from indexing.models import Chunk, ImageFailure, IndexingRun
from indexing.pipeline.refresh import start_refresh
from tests.indexing.shop import add_product, add_products, rebuild, refresh
from tests.support.accessibility import find_violations

SHOTS = Path(__file__).resolve().parents[4] / "test-results" / "console"
PASSWORD = "Longer-than-8-chars"


SIZES = [
    pytest.param((390, 844), id="phone"),
    pytest.param((1280, 900), id="desktop", marks=pytest.mark.long),
]


@pytest.fixture(params=SIZES)
def size(request: pytest.FixtureRequest) -> tuple[int, int]:
    """The width and the height of the screen in CSS pixels."""
    width, height = request.param
    return width, height


@pytest.fixture
def generations() -> list[Generation]:
    """A shop with a live generation, one that waits, and a broken photo. Made before the browser's
    event loop runs in this thread."""
    publisher = User.objects.create_user("anna", password=PASSWORD, is_staff=True)
    publisher.groups.add(Group.objects.get(name="publisher"))
    for hour in range(100):
        wave = 10 + hour % 24
        figures = {"searches": wave, "weak": hour % 5, "refused": 0, "products_pending": wave}
        lags = {"lag_p50_s": 60.0 * wave, "lag_p95_s": 200.0 * wave}
        durations = {"total_p50_ms": 20.0 + wave, "total_p95_ms": 60.0 + 2 * wave}
        at = timezone.now() - timedelta(hours=hour)
        Measurement.objects.create(at=at, figures={**figures, **lags, **durations})
    add_products(range(12))
    add_product("bad", b"nonsense", title="Broken lamp")
    made = [rebuild().generation, rebuild(publish=False).generation]
    refresh()
    refresh()
    assert ImageFailure.objects.filter(quarantined=True).exists()
    return [generation for generation in made if generation is not None]


@pytest.fixture
def moving(generations: list[Generation]) -> IndexingRun:
    """A refresh of which one of two chunks is done."""
    run = start_refresh()
    IndexingRun.objects.filter(pk=run.pk).update(state="running", stage="refresh")
    for ordinal, state in enumerate(["done", "pending"]):
        Chunk.objects.create(run=run, stage="refresh", ordinal=ordinal, size=50, state=state)
    return run


@pytest.fixture
def console(page: Page, served: str, size: tuple[int, int]) -> Iterator[Callable[[str], Page]]:
    """Opens a page of the console as a publisher, checks that it is no wider than the screen and
    without barriers, and keeps a screenshot."""
    page.set_viewport_size({"width": size[0], "height": size[1]})
    page.goto(f"{served}/admin/login/")
    page.get_by_label("Username").fill("anna")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Log in").click()

    def show(address: str) -> Page:
        page.goto(f"{served}/admin/{address}")
        width = page.evaluate("document.documentElement.scrollWidth")
        SHOTS.mkdir(parents=True, exist_ok=True)
        name = re.sub(r"\W+", "-", address).strip("-") or "home"
        page.screenshot(path=SHOTS / f"{name}-{size[0]}.png", full_page=True)
        assert width <= size[0], f"{address} is {width} pixels wide"
        assert find_violations(page) == [], address
        return page

    yield show
    page.goto("about:blank")  # a page that renews itself would ask a server that stops
