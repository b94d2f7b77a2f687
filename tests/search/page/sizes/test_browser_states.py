"""The states of the search page in Chromium, on a desktop and on a phone. axe-core finds nothing
wrong with any of them, in light and dark. Writes a screenshot of each state to the folder
`screenshots` in the folder of data."""

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from tests.search.page.sizes.conftest import CHAIR, SIZES, choose, shoot

pytestmark = [pytest.mark.browser, pytest.mark.django_db]

FAILED_PHOTOS = (
    "[...document.querySelectorAll('#results .tile img')]"
    ".filter((photo) => photo.complete && !photo.naturalWidth)"
)
TEXT_SIZES = """[...document.querySelectorAll("body *")]
    .filter((one) => one.checkVisibility() && [...one.childNodes].some(
        (node) => node.nodeType === Node.TEXT_NODE && node.textContent.trim()))
    .map((one) => getComputedStyle(one).fontSize)"""


@pytest.mark.long
def test_the_states_of_the_page(site: str, page: Page) -> None:
    page.goto(f"{site}/search/?q=asdfghjkl")
    expect(page.get_by_role("heading", level=1, name="Nothing found for")).to_be_visible()
    shoot(page, "nothing")
    page.goto(site)
    expect(page.get_by_role("heading", level=1)).to_have_count(1)
    shoot(page, "start")

    # Suggestions, chosen with the keyboard.
    page.locator("#q").press_sequentially("lam")
    expect(page.get_by_role("option").first).to_have_text("lamp")
    shoot(page, "suggestions")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    page.wait_for_url("**/search/?q=lamp")
    expect(page.locator("#results .card").first).to_contain_text("Lamp")
    shoot(page, "words")

    # A photo: its results begin above the fold, on a phone too.
    choose(page, CHAIR)
    page.wait_for_url("**query=*")
    first = page.locator("#results .card").first.bounding_box()
    assert first is not None
    assert first["y"] < page.viewport_size["height"] - 100 if page.viewport_size else False
    shoot(page, "photo")


@pytest.mark.long
def test_a_lost_connection_and_back(site: str, page: Page, context: BrowserContext) -> None:
    page.goto(site)
    choose(page, CHAIR)
    page.wait_for_url("**query=*")

    # A lost connection: the results stay, and the page recovers.
    context.set_offline(True)
    page.locator("#show-more").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name="Try again")).to_be_visible()
    expect(page.locator("#results .card")).to_have_count(24)
    shoot(page, "offline")
    page.locator("#results .card").nth(20).scroll_into_view_if_needed()
    context.set_offline(False)
    expect(page.locator("#results .card")).to_have_count(48)
    page.wait_for_function(f"() => !{FAILED_PHOTOS}.length")
    expect(page.locator(".offline-notice")).to_be_hidden()

    # Back leads from the product to the loaded pages, and from there to the start.
    assert "shown=48" in page.url
    page.locator("#results .card a").nth(30).click()
    page.wait_for_url("**/products/**")
    shoot(page, "product")
    page.go_back()
    expect(page.locator("#results .card")).to_have_count(48)
    page.go_back()
    page.wait_for_url(f"{site}/")


def test_filters_and_their_chips(site: str, page: Page) -> None:
    page.goto(f"{site}/search/?q=chair")
    if page.locator("#open-filters").is_visible():
        page.locator("#open-filters").click()
    page.locator("#filters label", has_text="Office").click()
    page.wait_for_url("**category=office")
    boxes = page.locator("#filters input[name=category]")
    assert boxes.count() > 1  # the others have not vanished
    button = page.get_by_role("button", name="Show")
    if button.first.is_visible() and page.locator("#filters:popover-open").count():
        shoot(page, "filters")
        page.locator(".filters-foot button").click()
    expect(page.locator(".chosen .chip")).to_have_count(1)
    shoot(page, "filtered")
    page.go_back()
    page.wait_for_url("**/search/?q=chair")
    expect(page.locator(".chosen")).to_have_count(0)


def test_texts_have_five_sizes(site: str, page: Page) -> None:
    sizes = set()
    for path in ("/", "/search/?q=chair", "/search/?q=asdfghjkl", "/no-such-page/"):
        page.goto(f"{site}{path}")
        sizes |= set(page.evaluate(TEXT_SIZES))
    page.goto(f"{site}/search/?q=chair")
    page.locator("#results .card h2 a").first.click()
    page.wait_for_url("**/products/**")
    sizes |= set(page.evaluate(TEXT_SIZES))
    assert len(sizes) <= 5, sizes


def test_a_finger_on_the_photo_scrolls(site: str, browser: Browser) -> None:
    page = browser.new_context(**SIZES["phone"]).new_page()
    page.set_default_timeout(60_000)
    page.goto(site)
    choose(page, CHAIR)
    page.get_by_role("button", name="Open the photo").click()
    photo = page.locator("crop-box").bounding_box()
    assert photo is not None
    touch = "e => getComputedStyle(e).touchAction"
    assert page.locator("crop-box").evaluate(touch).startswith("pan")
    x, y = photo["x"] + photo["width"] / 2, photo["y"] + photo["height"] / 2
    session = page.context.new_cdp_session(page)
    for kind, dy in (("touchStart", 0), *(("touchMove", -20 * n) for n in range(1, 11))):
        points = [{"x": x, "y": y + dy}]
        session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})
    session.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
    page.wait_for_function("scrollY > 50")
    assert "box=" not in page.url
    page.evaluate("scrollTo(0, 0)")
    page.get_by_role("button", name="Draw a box").click()
    assert page.locator("crop-box").evaluate(touch) == "none"
