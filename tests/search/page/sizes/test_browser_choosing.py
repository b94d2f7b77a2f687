"""Choosing among results in Chromium, on a desktop and on a phone: more, less and wrong, several
photos, and addresses of photos."""

from functools import partial

import pytest
from playwright.sync_api import Page, expect

from catalog.models import Event
from tests.search.page.sizes.conftest import CHAIR, choose, shoot
from tests.support.processes import wait_until

pytestmark = [pytest.mark.browser, pytest.mark.django_db, pytest.mark.long]

OTHER = CHAIR.with_name("blends-officetable-2.jpg")


def say(page: Page, number: int, name: str) -> str:
    """Opens the menu of a card and says something about its product. Returns the product's id."""
    card = page.locator("#results .card").nth(number)
    product = card.get_attribute("data-product") or ""
    card.locator("summary").focus()
    page.keyboard.press("Enter")
    card.get_by_role("button", name=name).click()
    return product


def record(recorded: list[Event], events: list[Event]) -> int:
    """Records events in place of the database, without views of pages."""
    recorded.extend(event for event in events if event.type != "view")
    return len(events)


def test_what_a_shopper_says_is_shown_undone_and_reported(
    site: str,
    page: Page,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    recorded: list[Event] = []
    monkeypatch.setattr(Event.objects, "insert_once", partial(record, recorded))
    page.goto(site)
    choose(page, CHAIR)
    page.wait_for_url("**query=*")

    wrong = say(page, 1, "Wrong item")
    page.wait_for_url("**&wrong=*")
    expect(page.locator(f"#results .card[data-product='{wrong}']")).to_have_count(0)
    chip = page.locator("[data-undo]")
    expect(chip).to_be_focused()  # the keyboard has not lost its place
    less = say(page, 2, "Less like this")
    page.wait_for_url("**&less=*")
    expect(page.locator(f"#results .card[data-product='{less}']")).to_have_count(0)
    page.locator("#results .card summary").nth(3).click()
    shoot(page, "said")
    page.keyboard.press("Escape")
    expect(page.locator(".card-menu[open]")).to_have_count(0)

    # Undone, and said again by Back.
    page.locator(f"[data-undo='{wrong}']").click()
    expect(page.locator(f"#results .card[data-product='{wrong}']")).to_have_count(1)
    assert f"less={less}" in page.url
    page.go_back()
    expect(chip).to_have_count(2)
    assert recorded == []  # it was undone in time
    kept = say(page, 3, "Wrong item")
    expect(chip).to_have_count(3)
    page.locator(".wordmark").click()
    page.wait_for_url(f"{site}/")
    wait_until(lambda: bool(recorded))
    assert [(event.type, str(event.product_id)) for event in recorded] == [("wrong", kept)]


def test_a_second_photo_and_an_address(
    site: str,
    page: Page,
) -> None:
    page.goto(site)
    choose(page, CHAIR)
    page.wait_for_url("**query=*")
    first = page.url

    page.locator("#another").set_input_files(OTHER)
    expect(page.locator(".more-photos img")).to_have_count(1)
    page.wait_for_function("address => location.href !== address", arg=first)
    loads = "image => image.decode().then(() => image.naturalWidth)"
    assert page.locator(".more-photos img").evaluate(loads)
    shoot(page, "two-photos")
    page.reload()
    expect(page.locator(".more-photos img")).to_have_count(1)

    # An address that leads nowhere is explained, and the field keeps it.
    address = "http://localhost/chair.jpg"
    page.locator("#q").fill(address)
    page.locator("#q").press("Enter")
    results = page.get_by_role("region", name="Results")
    expect(results.get_by_text("We found no photo at this address.")).to_be_visible()
    expect(page.locator("#q")).to_have_value(address)
    shoot(page, "no-photo-there")
