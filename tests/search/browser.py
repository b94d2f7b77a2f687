"""Fixtures for tests that drive a browser. conftest.py imports them."""

import shutil
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Page, sync_playwright
from pytest_django.live_server_helper import LiveServer

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
POLICY = "Content Security Policy"
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]


@pytest.fixture
def served(settings: Any) -> Iterator[str]:
    """The address of a running site. pytest-django's `live_server` would empty the database
    afterwards, but the demo index lasts for the session."""
    settings.ALLOWED_HOSTS = ["localhost"]
    server = LiveServer("localhost")
    yield server.url
    server.stop()


@pytest.fixture
def page() -> Iterator[Page]:
    """A page in a new browser, whose event loop ends with the test. A script error, a server error
    or a violation of the Content-Security-Policy fails the test."""
    if CHROMIUM is None:
        pytest.skip("Chromium is not installed (apt-get install chromium)")
    problems: list[str] = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        page = browser.new_page(locale="en-US", viewport={"width": 1280, "height": 900})
        page.on("pageerror", lambda error: problems.append(str(error)))
        page.on("console", lambda m: problems.extend([m.text] if POLICY in m.text else []))
        page.on("response", lambda r: problems.extend([r.url] if r.status >= 500 else []))
        yield page
        browser.close()
    assert problems == []
