"""Runs move by themselves on the page. Each step says what it will do before it does it."""

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from indexing.ledger.chunk_leases import claim_chunk
from indexing.models import Chunk, IndexingRun
from indexing.pipeline.refresh import start_refresh
from tests.console.pages.people import member, said, text_of
from tests.indexing.shop import add_products, rebuild

pytestmark = pytest.mark.usefixtures("empty_shop")

RUNS = "admin:indexing_indexingrun_changelist"


@pytest.fixture
def half_done() -> IndexingRun:
    """A refresh of which one of two chunks is done, and one has failed once."""
    run = start_refresh()
    run.state, run.stage, run.started_by = "running", "refresh", "anna"
    run.save()
    for ordinal in range(2):
        Chunk.objects.create(run=run, stage="refresh", ordinal=ordinal, size=100)
    first = claim_chunk(run, "worker")
    assert first is not None
    Chunk.objects.filter(pk=first.pk).update(state="done")
    Chunk.objects.exclude(pk=first.pk).update(errors=1)
    return run


def test_the_moving_part_shows_bar_starter_and_errors(half_done: IndexingRun) -> None:
    response = member("viewer").get(reverse("admin:moving_runs"))

    page = response.content.decode()
    assert 'hx-trigger="every 2s' in page
    assert 'value="50"' in page
    assert "100 of 200 (50 %)" in page
    assert "started by anna" in page
    assert "chunks with errors: 1" in page
    assert "Pause" not in page


def test_a_run_that_is_not_planned_yet_has_no_numbers() -> None:
    start_refresh()
    viewer = member("viewer")

    moving = text_of(viewer.get(reverse("admin:moving_runs")))
    assert "refresh" in moving
    assert " of " not in moving
    assert "0 of 0" not in text_of(viewer.get(reverse(RUNS)))


def test_steps_ask_first_and_say_what_they_do(half_done: IndexingRun) -> None:
    operator = member("operator")
    moving = operator.get(reverse("admin:moving_runs")).content.decode()
    address = reverse("admin:run_step", args=[half_done.pk, "cancel"])
    assert address in moving
    assert reverse("admin:run_step", args=[half_done.pk, "resume"]) not in moving

    page = text_of(operator.get(address))
    half_done.refresh_from_db()
    assert "What is done stays done." in page
    assert half_done.state == "running"

    response = operator.post(address, follow=True)
    half_done.refresh_from_db()
    assert half_done.state == "cancelled"
    assert said(response) == [f"Run {half_done.pk} is cancelled."]
    assert said(operator.post(address, follow=True)) == [
        f"Nothing to do: run {half_done.pk} is cancelled."
    ]


def test_states_and_starters_are_named_in_russian(half_done: IndexingRun) -> None:
    IndexingRun.objects.update(started_by="after an import")
    operator = member("operator")
    operator.cookies["django_language"] = "ru"
    assert "после импорта" in text_of(operator.get(reverse("admin:moving_runs")))

    IndexingRun.objects.update(state="cancelled", finished_at=timezone.now())
    address = reverse("admin:run_step", args=[half_done.pk, "pause"])
    [sentence] = said(operator.post(address, follow=True))
    assert sentence == f"Менять нечего: задание {half_done.pk} в состоянии «отменено»."


def test_a_rebuild_says_how_much_and_lets_a_publisher_choose() -> None:
    add_products(range(3))
    rebuild()
    publisher, start = member("publisher"), reverse("admin:start_run", args=["rebuild"])

    page = text_of(publisher.get(start))
    assert "The live index has 3 photos of 3 products." in page
    assert "The last one took" in page
    assert "Make it live by itself if it passes its checks." in page

    publisher.post(start, {"publish": "no"})
    run = IndexingRun.objects.first()
    assert run is not None
    assert (run.kind, run.publish, run.started_by) == ("rebuild", False, "publisher-anna")


def test_operators_leave_rebuilds_to_publishers(client: Client) -> None:
    operator = member("operator")
    run = IndexingRun.objects.create(kind="rebuild")

    assert operator.get(reverse("admin:start_run", args=["rebuild"])).status_code == 403
    assert operator.post(reverse("admin:run_step", args=[run.pk, "cancel"])).status_code == 403
    data = {"action": "cancel", "_selected_action": [str(run.pk)]}
    response = operator.post(reverse(RUNS), data, follow=True)

    assert said(response) == [f"Only a publisher may do this with run {run.pk}."]
    run.refresh_from_db()
    assert run.state == "queued"
