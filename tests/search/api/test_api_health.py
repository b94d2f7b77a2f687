"""The health endpoints and the index status of the API."""

from collections.abc import Callable
from datetime import datetime
from io import BytesIO
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.utils import timezone

from catalog.models import Generation, Product
from tests.search.outages import lose_encoder, refuse_connection

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("demo_index")]

Get = Callable[..., dict[str, Any]]
Check = Callable[[Any, Any], None]

STATUS = {
    "generation": {
        "id": int,
        "encoder": str,
        "query_encoder": str,
        "published_at": str,
        "recall_at_20": float,
        "self_test": {"kind": str, "queries": int, "recall_at_1": float, "recall_at_5": float},
        "match": {
            "similar_resemblance": (float, None),
            "exact_margin": (float, None),
            "exact_cosine": (float, None),
            "same_photo_cosine": (float, None),
            "word_cosine": (float, None),
            "blank_cosine": float,
            "source": str,
            "queries": int,
            "exact_share": (float, None),
            "exact_right": (float, None),
            "nothing_photos": int,
            "nothing_weak": (float, None),
        },
        "images": int,
        "products": int,
    },
    "products": {"total": int, "indexed": int, "pending": int, "failed": int},
    "freshness": {
        "fresh": bool,
        "oldest_pending_s": float,
        "lag_p50_s": (float, None),
        "lag_p95_s": (float, None),
        "target_s": int,
    },
    "photos": {
        "waiting": int,
        "fetched": int,
        "failed": int,
        "given_up": int,
        "due": int,
        "oldest_waiting_s": float,
    },
    "sources": {"total": int, "failing": int, "waiting": int, "failures_in_a_row": int},
    "runs": {
        "running": [
            {
                "id": int,
                "kind": str,
                "state": str,
                "stage": str,
                "done": int,
                "total": int,
                "eta_s": (float, None),
            }
        ],
        "last": {"id": int, "kind": str, "state": str, "finished_at": str, "error": (str, None)},
    },
    "next_refresh_at": str,
}


def test_the_index_status_describes_the_index(get: Get, check_shape: Check) -> None:
    status = get("index/")

    check_shape(status, STATUS)
    assert status["generation"]["products"] == status["products"]["indexed"] == 722
    assert status["generation"]["images"] == 1444
    assert status["generation"]["recall_at_20"] >= 0.95
    assert status["generation"]["self_test"]["kind"] == "views"
    assert status["generation"]["self_test"]["queries"] > 600
    assert status["products"] == {"total": 722, "indexed": 722, "pending": 0, "failed": 0}
    assert status["freshness"]["fresh"] is True
    assert status["freshness"]["oldest_pending_s"] == 0
    assert status["runs"]["last"]["state"] == "succeeded"
    assert datetime.fromisoformat(status["next_refresh_at"]) > timezone.now()


def test_the_index_status_counts_pending_products(get: Get) -> None:
    with connection.cursor() as cursor:
        cursor.execute("UPDATE catalog_product SET title = title || '!' WHERE id % 100 = 0")

    status = get("index/")

    assert status["products"]["pending"] == Product.objects.filter(title__endswith="!").count() > 0


def test_the_index_status_is_available_without_an_index(get: Get) -> None:
    Generation.objects.filter(state="live").update(state="retired")

    status = get("index/")

    assert status["generation"] is None
    assert status["freshness"]["fresh"] is False


def test_livez_needs_neither_database_nor_index(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection, "ensure_connection", refuse_connection)

    assert client.get("/livez").status_code == 200


def test_readyz_is_ok_with_database_encoder_and_generation(client: Client) -> None:
    response = client.get("/readyz")

    assert response.status_code == 200
    assert response.json() == {
        "status": "ok",
        "database": "ok",
        "encoder": "ok",
        "generation": "ok",
    }


@pytest.mark.parametrize("missing", ["database", "encoder", "generation"])
def test_readyz_names_the_missing_part(
    missing: str, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    if missing == "generation":
        Generation.objects.filter(state="live").update(state="retired")
    elif missing == "encoder":
        lose_encoder()
    else:
        monkeypatch.setattr(connection, "ensure_connection", refuse_connection)

    response = client.get("/readyz")

    assert response.status_code == 503
    body = response.json()
    assert body["status"] == "unavailable"
    assert body[missing].startswith("missing")
    assert [name for name, state in body.items() if state.startswith("missing")] == [missing]


@pytest.mark.parametrize("missing", ["database", "encoder"])
def test_a_search_without_database_or_encoder_is_unavailable(
    missing: str,
    client: Client,
    photos: dict[str, Any],
    monkeypatch: pytest.MonkeyPatch,
    check_problem: Callable[..., Any],
) -> None:
    if missing == "encoder":
        lose_encoder()
    else:
        monkeypatch.setattr(connection, "ensure_connection", refuse_connection)
    image = photos["scopia-living-lamp-2"].data

    response = client.post("/api/v1/search/photo/", {"image": BytesIO(image)})

    check_problem(response, 503, "unavailable")
    assert response["Retry-After"] == "5"
