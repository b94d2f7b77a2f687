"""The first page answers whether search is healthy, says what is wrong, and shows how it fared."""

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone
from django_q.models import Schedule

from catalog.models import (
    LoggedSearch,
    Measurement,
    ProductChange,
    RefusedSearches,
    Source,
)
from indexing.models import IndexingRun
from indexing.tasks import measure
from tests.console.pages.people import member, text_of
from tests.indexing.shop import add_product, add_products, rebuild, refresh

pytestmark = pytest.mark.usefixtures("empty_shop")

HOME = "/admin/"


def home(client: Client) -> str:
    return text_of(client.get(HOME))


def test_a_new_installation_says_what_to_do_first(admin_client: Client) -> None:
    page = home(admin_client)

    assert "Search is not healthy." in page
    assert "Nothing can be found: no index is live yet. Start a rebuild." in page


def test_a_healthy_index_is_called_healthy(admin_client: Client) -> None:
    add_products(range(3))
    rebuild()

    page = home(admin_client)

    assert "Search is healthy." in page
    assert "Nothing runs at the moment." in page
    assert "has answered searches since" in page


def test_planted_faults_are_named_with_what_to_do(admin_client: Client, settings: Any) -> None:
    add_products(range(3))
    add_product("bad", b"nonsense")
    rebuild()
    refresh()
    refresh()
    late = timezone.now() - timedelta(days=1)
    ProductChange.objects.create(product_id=1, changed_at=late, seq=1)
    Schedule.objects.create(
        name="join_abandoned_runs", func="indexing.tasks.join_abandoned_runs", next_run=late
    )
    Source.objects.create(name="feed", address="https://shop.example/feed", error="It is gone.")
    IndexingRun.objects.create(kind="refresh", state="failed", error="The disk is full.")
    RefusedSearches.objects.create(minute=timezone.now(), number=2)

    page = home(admin_client)

    assert "Search is not healthy." in page
    for sentence in (
        "The index is not fresh: a change has been waiting for 1 d 0 h",
        "The task queue has not run for 1 d 0 h",
        "The source feed cannot be pulled: It is gone.",
        "The last refresh failed: The disk is full.",
        "1 photo cannot be read",
        "2 searches were turned away",
    ):
        assert sentence in page
    assert page.index("The index is not fresh") < page.index("The source feed")


def test_measurements_become_charts_and_old_ones_are_removed(
    admin_client: Client, settings: Any
) -> None:
    settings.MEASUREMENT_DAYS = 30
    add_products(range(3))
    rebuild()
    now = timezone.now()
    Measurement.objects.create(at=now - timedelta(days=31), figures={})
    Measurement.objects.create(at=now - timedelta(hours=2), figures={"searches": 7})
    for number, match in enumerate(["exact", "weak"]):
        LoggedSearch.objects.create(
            query_id=f"{number}",
            kind="photo",
            generation_id=1,
            timings_ms={"total": 10.0 + 10 * number, "embed": 5.0},
            filtered=False,
            sort="relevance",
            offset=0,
            products=[1],
            features=[],
            best_match=match,
        )

    measure()

    newest = Measurement.objects.first()
    assert newest is not None
    assert Measurement.objects.count() == 2
    assert newest.figures["products_total"] == 3
    assert newest.figures["searches"] == 2
    assert newest.figures["weak"] == 1
    assert newest.figures["total_p50_ms"] == 15.0
    page = admin_client.get(HOME + "?days=1").content.decode()
    assert page.count('class="chart"') == 5
    assert "2 searches; 50 % of them found nothing good." in page


def test_who_may_not_look_sees_no_figures(client: Client) -> None:
    from django.contrib.auth.models import User

    client.force_login(User.objects.create_user("nobody", is_staff=True))

    assert "You may not look at the figures" in home(client)
    assert "Refresh now" not in home(member("viewer"))
    assert "Refresh now" in home(member("operator"))


def test_the_page_is_russian_where_the_reader_is(admin_client: Client) -> None:
    admin_client.cookies["django_language"] = "ru"

    page = home(admin_client)

    assert "Поиск не в порядке." in page
    assert "Ничего не находится: ни один индекс ещё не опубликован." in page
