"""What one session is recommended, and why: for operators, without the name of the session."""

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from catalog.models import AuditEntry, Event, Product
from tests.console.pages.people import member, text_of
from tests.search.recommendations.conftest import CIRCLES, shop  # noqa: F401  (fixture)

pytestmark = pytest.mark.django_db

SESSION = "5f0c9e51a2b34d185f0c9e51a2b34d18"


def look(client: Client, **sent: Any) -> Any:
    response = client.post(reverse("admin:recommended_to"), sent)
    assert response.status_code == 200
    assert "no-store" in response["Cache-Control"]
    return response


def happen(kind: str, product: int, **who: str) -> Event:
    who = who or {"session": SESSION}
    return Event.objects.create(
        type=kind, product_id=product, at=timezone.now(), channel="page", **who
    )


def test_an_operator_sees_the_events_the_answer_and_its_reasons(
    shop: list[int],  # noqa: F811
) -> None:
    happen("view", shop[21])
    happen("wrong", shop[22])
    client = member("operator")

    page = look(client, name=SESSION)

    text, results = text_of(page), page.context["results"]
    assert [shown.event.type for shown in page.context["events"]] == ["wrong", "view"]
    assert "View: Thing 21" in text
    assert "Because you viewed Thing 21" in text
    assert shop.index(results[0].result.product.pk) % CIRCLES == 21 % CIRCLES
    assert results[0].terms[0][0] == "taste"
    totals = [sum(value for _, value in shown.terms) for shown in results]
    for shown, total in zip(results, totals, strict=True):
        assert shown.result.score == pytest.approx(min(1.0, total / totals[0]), abs=0.01)
    assert "is recommended products by: taste, looks, popular and new" in text
    entry = AuditEntry.objects.get()
    assert (entry.action, entry.detail) == ("look at session", "5f0c9e…")


def test_the_name_of_a_session_is_never_shown_in_full(shop: list[int]) -> None:  # noqa: F811
    event = happen("view", shop[21])
    happen("view", shop[22], user="anna@shop.example")
    client = member("operator")
    pages = [
        client.get(reverse("admin:recommended_to")),
        look(client, name=SESSION),
        look(client, event=event.pk),
        look(client, name="anna@shop.example"),
        client.get(reverse("admin:catalog_event_changelist")),
        client.get(reverse("admin:catalog_event_change", args=[event.pk])),
    ]

    for page in pages:
        assert SESSION not in page.content.decode()
        assert "anna@shop.example" not in page.content.decode()
    assert "5f0c9e…" in text_of(pages[0])
    assert "anna@…" in text_of(pages[3])


def test_a_session_is_picked_from_the_latest(shop: list[int]) -> None:  # noqa: F811
    for number in (20, 21):
        event = happen("view", shop[number])
    client = member("operator")
    (latest,) = client.get(reverse("admin:recommended_to")).context["latest"]
    assert (latest.event, latest.events) == (event.pk, 2)

    page = look(client, event=latest.event)

    assert next(shown.event.pk for shown in page.context["events"]) == event.pk


@pytest.mark.parametrize(
    "sent",
    [{}, {"name": ""}, {"name": "x\0y"}, {"event": "0"}, {"event": "9" * 30}, {"event": "x"}],
)
def test_nobody_is_found_without_events(sent: dict[str, str], shop: list[int]) -> None:  # noqa: F811
    happen("view", shop[21])
    Event.objects.create(type="view", product_id=shop[21])  # of nobody
    client = member("operator")

    assert "There are no events of this session or user." in text_of(look(client, **sent))
    assert not AuditEntry.objects.exists()


def test_a_product_that_is_gone_and_no_index(empty_shop: None) -> None:
    happen("view", 10**9)
    product = Product.objects.create(sku="hidden", title="Hidden", is_visible=False)
    happen("view", product.pk)

    page = text_of(look(member("operator"), name=SESSION))

    assert "product 1000000000" in page
    assert "Nothing." in page


def test_viewers_do_not_see_the_history_of_a_person(shop: list[int]) -> None:  # noqa: F811
    happen("view", shop[21])
    viewer = member("viewer")

    assert viewer.get(reverse("admin:recommended_to")).status_code == 403
    answer = viewer.post(reverse("admin:recommended_to"), {"name": SESSION})
    assert answer.status_code == 403
    assert "One session" not in text_of(viewer.get("/admin/"))
