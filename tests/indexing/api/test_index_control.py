"""The API starts, follows, pauses and cancels runs, publishes and rolls back, and manages
sources."""

from collections.abc import Callable
from typing import Any

import pytest
from django_q.models import OrmQ

from catalog.index.live_index import live_generation
from catalog.models import AuditEntry, Source
from indexing.models import IndexingRun
from indexing.tasks import work_on_run
from tests.indexing.shop import add_products, rebuild

pytestmark = pytest.mark.usefixtures("empty_shop")

Send = Callable[..., Any]


def test_a_run_is_started_followed_and_finished(send: Send) -> None:
    add_products(range(3))

    started = send("post", "index/runs/", {"kind": "rebuild"})

    assert started.status_code == 202
    run = started.json()
    assert (run["kind"], run["state"], run["error"]) == ("rebuild", "queued", None)
    assert "Operations" in run["started_by"]
    assert OrmQ.objects.exists()
    assert send("post", "index/runs/", {"kind": "rebuild"}).json()["id"] == run["id"]
    assert work_on_run(run["id"]) == "succeeded"
    followed = send("get", f"index/runs/{run['id']}/").json()
    assert (followed["state"], followed["generation"]) == ("succeeded", live_generation().pk)
    assert send("get", "index/runs/").json()["results"][0]["id"] == run["id"]
    assert AuditEntry.objects.filter(action="start rebuild").exists()


def test_a_run_is_paused_resumed_and_cancelled(send: Send, check_problem: Any) -> None:
    run = send("post", "index/runs/", {"kind": "refresh"}).json()["id"]

    states = [
        send("post", f"index/runs/{run}/{step}/").json()["state"]
        for step in ("pause", "resume", "cancel")
    ]

    assert states == ["paused", "queued", "cancelled"]
    assert IndexingRun.objects.get(pk=run).state == "cancelled"
    refused = check_problem(send("post", f"index/runs/{run}/pause/"), 409, "parameter_invalid")
    assert "is cancelled" in refused["detail"]
    check_problem(send("post", "index/runs/999999/pause/"), 404, "not_found")


@pytest.mark.parametrize(
    "body", [{}, {"kind": "training"}, {"kind": "refresh", "encoder": "other"}, [], "x"]
)
def test_what_is_no_run_is_refused(send: Send, check_problem: Any, body: Any) -> None:
    check_problem(send("post", "index/runs/", body), 400, "parameter_invalid")

    assert not IndexingRun.objects.exists()


def test_a_rebuild_with_other_options_than_the_present_one_is_a_conflict(
    send: Send, check_problem: Any
) -> None:
    send("post", "index/runs/", {"kind": "rebuild"})

    other = send("post", "index/runs/", {"kind": "rebuild", "encoder": "other"})

    check_problem(other, 409, "parameter_invalid")


def test_a_generation_is_published_and_rolled_back(send: Send, check_problem: Any) -> None:
    add_products(range(3))
    first = rebuild().generation
    second = rebuild("other", publish=False).generation
    assert first is not None
    assert second is not None

    published = send("post", f"index/generations/{second.pk}/publish/")

    assert (published.status_code, published.json()["state"]) == (200, "live")
    assert live_generation() == second
    listed = send("get", "index/generations/").json()["results"]
    assert [(row["id"], row["state"]) for row in listed] == [
        (second.pk, "live"),
        (first.pk, "retired"),
    ]
    assert send("post", "index/rollback/").json()["id"] == first.pk
    check_problem(send("post", "index/rollback/"), 409, "parameter_invalid")
    check_problem(send("post", "index/generations/999999/publish/"), 404, "not_found")


def test_sources_are_added_pulled_and_removed(send: Send, check_problem: Any) -> None:
    given = {"name": "prices", "address": "https://feeds.shop.example/prices.csv"}

    added = send("post", "sources/", given)

    assert added.status_code == 201, added.content
    source = added.json()
    assert send("get", f"sources/{source['id']}/").json()["address"] == given["address"]
    assert [row["name"] for row in send("get", "sources/").json()["results"]] == ["prices"]
    check_problem(send("post", "sources/", given), 409, "parameter_invalid")
    local = {"name": "inside", "address": "../../etc/passwd"}
    check_problem(send("post", "sources/", local), 409, "parameter_invalid")
    pulled = send("post", f"sources/{source['id']}/pull/")
    assert pulled.status_code == 202
    assert "within a minute" in pulled.json()["detail"]
    assert IndexingRun.objects.get().kind == "import"
    assert send("delete", f"sources/{source['id']}/").status_code == 204
    assert not Source.objects.exists()
    check_problem(send("post", f"sources/{source['id']}/pull/"), 404, "not_found")
