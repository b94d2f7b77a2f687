"""A click on a result in a real browser tells which search had shown it, and nothing of the
shopper."""

import re

import pytest
from playwright.sync_api import Page, Response

from catalog.models import Event

pytestmark = [pytest.mark.browser, pytest.mark.django_db]


def told(response: Response) -> bool:
    return response.url.endswith("/api/v1/events/")


def test_opening_a_result_tells_which_and_of_which_search(
    demo_index: None, served: str, page: Page, monkeypatch: pytest.MonkeyPatch
) -> None:
    taken: list[Event] = []
    monkeypatch.setattr(Event.objects, "bulk_create", taken.extend)
    page.goto(f"{served}/search/?q=lamp")
    second = page.locator("#results .card").nth(1)
    shown = [second.get_attribute(f"data-{name}") for name in ("search", "product")]

    with page.expect_response(told) as answered:
        second.get_by_role("link").first.click()

    assert answered.value.status == 202
    (click,) = taken
    assert (click.type, click.query_id, str(click.product_id), click.user) == ("click", *shown, "")
    assert re.fullmatch("[0-9a-f]{4,32}", click.session)

    # The same session tells of a lookalike on the product's page, by the middle button.
    page.wait_for_url("**/products/*/")
    with page.expect_response(told):
        page.locator("#lookalikes .card a").first.click(button="middle")

    lookalike = taken[1]
    assert lookalike.session == click.session
    assert lookalike.query_id != click.query_id
    assert lookalike.product_id != click.product_id
