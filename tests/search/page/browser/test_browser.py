"""The page in a real browser: Debian's Chromium, headless."""

from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from catalog.models import Product

pytestmark = [pytest.mark.browser, pytest.mark.django_db]

PHOTO = Path(__file__).resolve().parents[4] / "catalog/demo/photos/blends-umbrellafolded-2.jpg"


@pytest.fixture
def site(demo_index, served: str) -> str:
    """The URL of a running site with the demo catalogue."""
    return served


@pytest.fixture
def product(demo_index) -> Product:
    """The product in the photo. It is read before the browser's event loop runs in this thread,
    where Django would open a second connection that nothing closes."""
    return Product.objects.get(sku="blends-umbrellafolded")


def test_a_shopper_uploads_a_photo_and_sees_its_product_first(
    site: str, product: Product, page: Page
):
    uploads: list[str] = []
    page.on("request", lambda r: uploads.extend([r.url] if r.method == "POST" else []))

    page.goto(site)
    page.get_by_label("Choose a photo").set_input_files(PHOTO)

    cards = page.locator("#results .card")
    expect(cards).to_have_count(24)
    expect(cards.first.get_by_role("link")).to_have_attribute("href", f"/products/{product.pk}/")
    assert cards.first.locator("img").evaluate("img => img.decode().then(() => img.naturalWidth)")
    expect(page.get_by_role("status")).to_contain_text("Similar items")

    # A box drawn on the photo searches again without a second upload.
    photo = page.locator("crop-box").bounding_box()
    assert photo is not None
    page.mouse.move(photo["x"] + 0.25 * photo["width"], photo["y"] + 0.25 * photo["height"])
    page.mouse.down()
    page.mouse.move(photo["x"] + 0.9 * photo["width"], photo["y"] + 0.95 * photo["height"])
    page.mouse.up()
    page.wait_for_url("**/search/?query=*&box=*")
    expect(cards.first.get_by_role("link")).to_have_attribute("href", f"/products/{product.pk}/")
    assert len(uploads) == 1

    # More results are appended.
    page.get_by_role("button", name="Show more").click()
    expect(cards).to_have_count(48)

    # The product links to its lookalikes, and Back leads to the results with the box.
    cards.first.get_by_role("link").click()
    expect(page.get_by_role("heading", level=1)).to_have_text(product.title)
    expect(page.locator(".lookalikes .card")).to_have_count(12)
    page.go_back()
    expect(page.get_by_role("button", name="Whole photo")).to_be_visible()
    expect(cards.first.get_by_role("link")).to_have_attribute("href", f"/products/{product.pk}/")
