"""A click on a result in a real browser records the search that showed it, and no data about the
shopper."""

import re

import pytest
from playwright.sync_api import Page
from rest_framework.request import Request
from rest_framework.response import Response

from catalog.models import Event
from search.api.views import EventsView
from tests.support.processes import wait_until

pytestmark = [pytest.mark.browser, pytest.mark.django_db]


def test_opening_a_result_records_the_product_and_its_search(
    demo_index: None, served: str, page: Page, monkeypatch: pytest.MonkeyPatch
) -> None:
    recorded: list[Event] = []
    monkeypatch.setattr(Event.objects, "insert_once", lambda rows: recorded.extend(rows) or 0)
    statuses: list[int] = []  # the page that sent the event is gone
    post = EventsView.post

    def post_and_note(view: EventsView, request: Request) -> Response:
        response = post(view, request)
        statuses.append(response.status_code)
        return response

    monkeypatch.setattr(EventsView, "post", post_and_note)
    page.goto(f"{served}/search/?q=lamp")
    second = page.locator("#results .card").nth(1)
    shown = [second.get_attribute(f"data-{name}") for name in ("search", "product")]

    second.get_by_role("link").first.click()

    wait_until(lambda: bool(statuses))
    assert statuses == [202]
    (click,) = recorded
    assert (click.type, click.query_id, str(click.product_id), click.user) == ("click", *shown, "")
    assert re.fullmatch("[0-9a-f]{32}", click.session)

    # The product's page reports a view. A middle click on a lookalike there is recorded in the
    # same session.
    page.wait_for_url("**/products/*/")
    wait_until(lambda: len(statuses) > 1)
    assert (recorded[1].type, str(recorded[1].product_id)) == ("view", shown[1])
    assert recorded[1].session == click.session
    page.locator("#lookalikes .card a").first.click(button="middle")

    wait_until(lambda: len(statuses) > 2)
    lookalike = recorded[2]
    assert lookalike.session == click.session
    assert lookalike.query_id != click.query_id
    assert lookalike.product_id != click.product_id
