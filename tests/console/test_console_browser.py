"""The console in a real browser: an operator logs in, adds a photo to a product, and trains the
encoder."""

import re
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from playwright.sync_api import Page, expect

from catalog.models import Product
from tests.indexing.shop import add_product, add_products, photo, rebuild

pytestmark = [pytest.mark.browser, pytest.mark.usefixtures("committed_shop")]


@pytest.fixture
def product() -> Product:
    """Created before the browser's event loop runs in this thread."""
    User.objects.create_superuser("admin", password="Longer-than-8-chars")
    return add_product("lamp", photo("red"))


@pytest.fixture
def indexed(product: Product) -> None:
    add_products(range(20))
    rebuild()


SIZES = pytest.mark.parametrize(
    "size",
    [
        pytest.param((1280, 900), id="desktop", marks=pytest.mark.long),
        pytest.param((390, 844), id="phone"),
    ],
)


def log_in(page: Page, served: str, size: tuple[int, int]) -> None:
    page.set_viewport_size({"width": size[0], "height": size[1]})
    page.goto(f"{served}/admin/")
    page.get_by_label("Username").fill("admin")
    page.get_by_label("Password").fill("Longer-than-8-chars")
    page.get_by_role("button", name="Log in").click()


@SIZES
def test_an_operator_adds_a_photo_and_sees_it(
    product: Product, served: str, page: Page, tmp_path: Path, size: tuple[int, int]
) -> None:
    new, broken = tmp_path / "new.png", tmp_path / "broken.jpg"
    new.write_bytes(photo(7, "PNG"))
    broken.write_bytes(photo(7)[:600])

    log_in(page, served, size)
    page.goto(f"{served}/admin/catalog/product/{product.pk}/change/")

    # A damaged file gets a sentence beside the field, and nothing is saved.
    photos = page.locator("#images-group")
    photos.get_by_role("link", name="Add another Product image").click()
    photos.locator("#id_images-1-file").set_input_files(broken)
    page.get_by_role("button", name="Save and continue editing").click()
    expect(photos).to_contain_text("This photo cannot be read")

    photos.locator("#id_images-1-file").set_input_files(new)
    page.get_by_role("button", name="Save and continue editing").click()
    expect(page.get_by_text("was changed successfully")).to_be_visible()
    shown: Any = photos.locator("img[src$='/new.png']")
    assert shown.evaluate("img => img.decode().then(() => img.naturalWidth)") == 64
    assert page.evaluate("document.documentElement.scrollWidth") <= size[0]


@SIZES
def test_an_operator_starts_a_training(
    indexed: None, served: str, page: Page, size: tuple[int, int]
) -> None:
    log_in(page, served, size)
    page.goto(f"{served}/admin/indexing/indexingrun/")
    page.get_by_role("link", name="Train on this catalogue…").click()

    # The page says how much there is to learn from, and how long it takes.
    expect(page.get_by_text("14 photos of 14 products to learn from")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= size[0]
    page.get_by_role("button", name="Start the training").click()

    expect(page.get_by_text(re.compile(r"Training \d+ is under way"))).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= size[0]
