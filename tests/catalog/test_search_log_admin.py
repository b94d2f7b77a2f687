"""Searches, events, click rates, bursts and rerankers in the console."""

from collections.abc import Iterator
from datetime import date
from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.contrib.messages import get_messages
from django.test import Client
from django.urls import reverse

from catalog.models import ClickBurst, ClickRate, Event, LoggedSearch, Reranker
from catalog.reranking import active_weights, forget_active_weights

pytestmark = pytest.mark.django_db

RERANKERS = "admin:catalog_reranker_changelist"
FIGURES = {"ndcg": 0.7, "ndcg_formula": 0.6, "doubt": 0.0, "pages": 500, "held_out": 125}


@pytest.fixture(autouse=True)
def _static_files_as_they_are(settings: Any) -> Iterator[None]:
    static = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
    settings.STORAGES = {**settings.STORAGES, "staticfiles": static}
    forget_active_weights()
    yield
    forget_active_weights()


@pytest.fixture
def rerankers() -> list[Reranker]:
    return [Reranker.objects.create(weights={"stock": n / 10}, figures=FIGURES) for n in (1, 2)]


def act(client: Client, action: str, *chosen: Reranker) -> list[str]:
    """Runs an action on rerankers. Returns the messages that the console shows."""
    data = {"action": action, "_selected_action": [str(reranker.pk) for reranker in chosen]}
    response: Any = client.post(reverse(RERANKERS), data, follow=True)
    return [str(message) for message in get_messages(response.wsgi_request)]


def test_every_list_shows_its_rows(admin_client: Client, rerankers: list[Reranker]) -> None:
    LoggedSearch.objects.create(
        query_id="a" * 32,
        kind="photo",
        generation_id=1,
        timings_ms={"total": 41.5},
        filtered=False,
        sort="relevance",
        offset=0,
        products=[17],
        features=[{}],
    )
    Event.objects.create(type="wrong", product_id=17, session="s", query_id="a" * 32)
    ClickRate.objects.create(product_id=17, clicks=12, expected=7.96, rate=0.6123)

    for name, *shown in (
        ("loggedsearch", "41.5", "a" * 32),
        ("event", "wrong", reverse("admin:catalog_product_change", args=[17])),
        ("clickrate", "8.0", "0.612"),
        ("reranker", "0.7", "0.6", "stock +0.100"),
    ):
        page = admin_client.get(reverse(f"admin:catalog_{name}_changelist"))
        assert page.status_code == 200
        assert [text for text in shown if text not in page.content.decode()] == []
    shown = admin_client.get(reverse("admin:catalog_loggedsearch_change", args=["a" * 32]))
    assert shown.status_code == 200


@pytest.fixture
def bursts() -> list[ClickBurst]:
    day = date(2026, 5, 1)
    return [
        ClickBurst.objects.create(
            day=day, reason="origin_seconds", origin="0123456789abcdef", clicks=400
        ),
        ClickBurst.objects.create(day=day, reason="product_day", product_id=17, clicks=106),
    ]


BURSTS = "admin:catalog_clickburst_changelist"


def decide(client: Client, action: str, *chosen: ClickBurst) -> None:
    data = {"action": action, "_selected_action": [str(burst.pk) for burst in chosen]}
    client.post(reverse(BURSTS), data, follow=True)


def test_bursts_are_shown_with_their_reasons(
    admin_client: Client, bursts: list[ClickBurst]
) -> None:
    page = admin_client.get(reverse(BURSTS)).content.decode()

    for shown in (
        "Clicks set aside until an operator decides: 506.",
        "One address searched and clicked within seconds",
        "hashed address 01234567",
        "The product got far more clicks than on other days",
        reverse("admin:catalog_product_change", args=[17]),
        "undecided",
    ):
        assert shown in page
    assert admin_client.get(reverse(BURSTS), {"decision__exact": "open"}).status_code == 200
    change = reverse("admin:catalog_clickburst_change", args=[bursts[0].pk])
    assert admin_client.get(change).status_code == 200


def test_an_operator_decides_whether_a_burst_counts(
    admin_client: Client, bursts: list[ClickBurst]
) -> None:
    by_origin, on_product = bursts

    decide(admin_client, "count", on_product)
    decide(admin_client, "leave_out", by_origin)

    for burst in bursts:
        burst.refresh_from_db()
    assert (by_origin.decision, on_product.decision) == ("leave_out", "count")
    assert "set aside" not in admin_client.get(reverse(BURSTS)).content.decode()


def test_users_who_may_only_view_cannot_decide_on_bursts(
    client: Client, bursts: list[ClickBurst]
) -> None:
    user = User.objects.create_user("operator", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename="view_clickburst"))
    client.force_login(user)

    decide(client, "count", *bursts)

    assert client.get(reverse(BURSTS)).status_code == 200
    assert ClickBurst.objects.undecided().count() == 2


def test_a_reranker_is_activated_and_withdrawn(
    admin_client: Client, rerankers: list[Reranker]
) -> None:
    first, second = rerankers
    for reranker in (first, second):
        said = act(admin_client, "activate", reranker)
        assert said == [f"Reranker {reranker.pk} takes effect within seconds."]
        assert active_weights() == reranker.weights

    assert act(admin_client, "withdraw", first) == [
        "The formula from the settings takes effect within seconds."
    ]
    assert active_weights() is None
    assert list(Reranker.objects.filter(withdrawn=True)) == [second]
    assert act(admin_client, "withdraw", first) == [
        "No reranker is active: the formula already ranks the results."
    ]

    act(admin_client, "activate", first)
    assert active_weights() == first.weights
    assert not Reranker.objects.filter(withdrawn=True).exists()


def test_a_reranker_without_weights_is_not_activated(
    admin_client: Client, rerankers: list[Reranker]
) -> None:
    useless = Reranker.objects.create(weights={}, figures=FIGURES)

    assert act(admin_client, "activate", useless) == [
        f"Reranker {useless.pk} has no weights to rank with."
    ]
    assert act(admin_client, "activate", *rerankers) == ["Choose one row."]
    assert active_weights() is None


def test_users_who_may_only_view_cannot_activate_rerankers(
    client: Client, rerankers: list[Reranker]
) -> None:
    user = User.objects.create_user("operator", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename="view_reranker"))
    client.force_login(user)

    act(client, "activate", rerankers[0])

    assert client.get(reverse(RERANKERS)).status_code == 200
    assert active_weights() is None
