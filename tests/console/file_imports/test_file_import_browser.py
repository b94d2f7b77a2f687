"""An operator imports an export of Shopify on a phone."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connections
from playwright.sync_api import Page, expect

from indexing.pipeline.sources.import_run import start_imports
from indexing.pipeline.worker import work_on
from tests.catalog.importing.feeds import SAMPLES
from tests.console.test_console_browser import log_in

pytestmark = [pytest.mark.browser, pytest.mark.usefixtures("committed_shop")]
PHONE = (390, 844)


@pytest.fixture
def operator(settings: Any, tmp_path: Path) -> None:
    """Created before the browser's event loop runs in this thread."""
    settings.UPLOADED_FEEDS = tmp_path / "uploads"
    User.objects.create_superuser("admin", password="Longer-than-8-chars")


@pytest.fixture
def worker() -> Iterator[ThreadPoolExecutor]:
    """A thread without the browser's event loop."""
    with ThreadPoolExecutor(1) as thread:
        yield thread


def work() -> None:
    try:
        work_on(start_imports())
    finally:
        connections.close_all()


def test_an_operator_imports_a_shopify_export(
    operator: None, worker: ThreadPoolExecutor, served: str, page: Page
) -> None:
    def fits() -> bool:
        return bool(page.evaluate("document.documentElement.scrollWidth") <= PHONE[0])

    log_in(page, served, PHONE)
    page.goto(f"{served}/admin/catalog/product/")
    page.get_by_role("link", name="Import a file…").click()
    page.locator("#id_file").set_input_files(SAMPLES / "shopify.csv")
    assert fits()
    page.get_by_role("button", name="Show a preview").click()

    # The preview shows products, and nothing is written yet.
    expect(page.get_by_text("5 of the first 5 products are good")).to_be_visible()
    expect(page.get_by_role("heading", name="Oak chair")).to_be_visible()
    assert fits()
    page.get_by_role("button", name="Import", exact=True).click()
    expect(page.get_by_text("It waits for the worker")).to_be_visible()
    assert fits()

    # The page is renewed by itself when the worker is done.
    worker.submit(work).result()
    expect(page.get_by_text("products added")).to_be_visible(timeout=20_000)
    page.get_by_role("link", name="Products", exact=True).last.click()
    expect(page.get_by_role("cell", name="Oak chair")).to_be_visible()
