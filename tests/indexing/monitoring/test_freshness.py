"""The index status and metrics: their figures, and the names of the public contract."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.utils import timezone
from prometheus_client.parser import text_string_to_metric_families

from catalog.models import IndexedProduct, ProductChange
from indexing.models import Chunk, IndexingRun
from indexing.monitoring.freshness import freshness, index_status, next_refresh_at
from tests.indexing.shop import add_product, add_products, photo, rebuild

pytestmark = pytest.mark.usefixtures("empty_shop")


def note_change(product_id: int, age_s: float) -> None:
    ProductChange.objects.create(
        product_id=product_id, changed_at=timezone.now() - timedelta(seconds=age_s), seq=product_id
    )


def test_the_status_has_the_fields_of_the_contract() -> None:
    add_products(range(3))
    rebuild()

    status = index_status()

    assert set(status) == {
        *("generation", "products", "photos", "sources", "freshness", "runs"),
        "next_refresh_at",
    }
    assert set(status["photos"]) == {
        *("waiting", "fetched", "failed", "given_up", "due", "oldest_waiting_s")
    }
    assert set(status["generation"]) == {
        *("id", "encoder", "query_encoder", "published_at", "recall_at_20", "images", "products"),
        *("self_test", "match"),
    }
    assert (status["generation"]["images"], status["generation"]["products"]) == (3, 3)
    assert set(status["products"]) == {"total", "indexed", "pending", "failed"}
    assert set(status["freshness"]) == {
        *("fresh", "oldest_pending_s", "lag_p50_s", "lag_p95_s", "target_s")
    }
    assert set(status["runs"]) == {"running", "last"}
    assert set(status["runs"]["last"]) == {"id", "kind", "state", "finished_at", "error"}


def test_an_index_is_fresh_until_the_oldest_change_has_waited_too_long(settings: Any) -> None:
    settings.FRESHNESS_TARGET_S = 100
    add_product("a", photo(1))
    rebuild()
    note_change(1, 90)
    note_change(2, 5)

    first = freshness()
    ProductChange.objects.filter(product_id=1).update(
        changed_at=timezone.now() - timedelta(seconds=110)
    )
    later = freshness()

    assert first["fresh"]
    assert first["oldest_pending_s"] == pytest.approx(90, abs=2)
    assert not later["fresh"]
    assert later["oldest_pending_s"] == pytest.approx(110, abs=2)


def test_an_index_without_a_live_generation_is_not_fresh() -> None:
    assert not freshness()["fresh"]
    assert index_status()["generation"] is None


def test_the_lag_is_the_time_from_a_change_until_it_is_searchable() -> None:
    now = timezone.now()
    for number, lag in enumerate([10, 20, 30, 40, 100], 1):
        IndexedProduct.objects.create(
            product_id=number,
            text_hash="",
            changed_at=now - timedelta(seconds=lag),
            indexed_at=now,
        )

    figures = freshness()

    assert figures["lag_p50_s"] == 30
    assert figures["lag_p95_s"] == 88  # 40 + 0.8 · (100 - 40)


def test_five_refreshes_a_day_are_scheduled_by_default(settings: Any) -> None:
    moment = datetime(2026, 1, 1, 0, 1, tzinfo=UTC)
    times = []
    while (moment := next_refresh_at(moment)) < datetime(2026, 1, 2, 0, 1, tzinfo=UTC):
        times.append(moment)

    assert len(times) == 5


def test_a_running_run_reports_its_progress_and_the_time_left() -> None:
    run = IndexingRun.objects.create(kind="rebuild", state="running", stage="embed")
    started = timezone.now() - timedelta(seconds=10)
    for ordinal, state in enumerate(["done", "pending"]):
        Chunk.objects.create(
            run=run, stage="embed", ordinal=ordinal, size=50, state=state, started_at=started
        )

    [running] = index_status()["runs"]["running"]

    assert (running["id"], running["kind"], running["done"], running["total"]) == (
        *(run.pk, "rebuild", 50, 100),
    )
    assert running["eta_s"] == pytest.approx(10, abs=1)


def test_metrics_report_the_index_status(client: Client) -> None:
    add_products(range(4))
    rebuild()
    note_change(999, 50)

    text = client.get("/metrics").content.decode()

    samples = {
        (sample.name, *sample.labels.values()): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }
    assert samples["vitrina_index_fresh",] == 1
    assert samples["vitrina_index_oldest_pending_seconds",] == pytest.approx(50, abs=2)
    assert samples["vitrina_index_images",] == 4
    assert samples["vitrina_products", "pending"] == 1
    assert samples["vitrina_products", "indexed"] == 4


def test_a_report_is_consistent_while_a_refresh_settles_changes() -> None:
    # Given a refresh that settles all changes right after the first statement of the report.
    note_change(1, 5)

    def settle_after(execute: Callable[..., Any], *arguments: Any) -> Any:
        result = execute(*arguments)
        with connection.cursor() as cursor:
            cursor.cursor.execute("DELETE FROM catalog_productchange")
        return result

    with connection.execute_wrapper(settle_after):
        figures = freshness()

    # Then the report shows the state before.
    assert figures["oldest_pending_s"] == pytest.approx(5, abs=2)
    assert not ProductChange.objects.exists()
