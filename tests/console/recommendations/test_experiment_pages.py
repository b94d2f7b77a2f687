"""Experiments in the console: a publisher starts, stops, adopts and undoes; the page says whether
two rankings can be told apart."""

import uuid
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from catalog.models import AuditEntry, ExperimentSession, RankingExperiment
from catalog.quality.ranking_experiments import forget_state, start_experiment
from search.recommendations.experiments import ranking_for
from tests.console.pages.people import member, said, text_of

pytestmark = pytest.mark.usefixtures("empty_shop")

LIST = "admin:catalog_rankingexperiment_changelist"
SENT = {"first": "blend", "second": "looks", "days": "14"}


@pytest.fixture(autouse=True)
def fresh_state() -> Iterator[None]:
    forget_state()
    yield
    forget_state()


def page_of(experiment: RankingExperiment) -> str:
    return reverse("admin:catalog_rankingexperiment_change", args=[experiment.pk])


def step(client: Client, experiment: RankingExperiment, act: str) -> list[str]:
    client.cookies.pop("messages", None)
    address = reverse("admin:experiment_step", args=[experiment.pk, act])
    assert client.get(address).status_code == 200
    return said(client.post(address))


def add_sessions(experiment: RankingExperiment, number: int, clicks: tuple[int, int]) -> None:
    """Adds this many sessions to each ranking. They see ten products, and every tenth opens as many
    of them as `clicks` says for its ranking."""
    ExperimentSession.objects.bulk_create(
        ExperimentSession(
            experiment=experiment,
            sender=uuid.uuid4().hex,
            is_second=is_second,
            queries=[uuid.uuid4()],
            shown=list(range(10)),
            clicked=list(range(clicks[is_second] if n % 10 == 0 else 0)),
        )
        for is_second in (False, True)
        for n in range(number)
    )


def end(experiment: RankingExperiment) -> None:
    RankingExperiment.objects.filter(pk=experiment.pk).update(
        ends_at=timezone.now() - timedelta(hours=1)
    )
    forget_state()


def test_a_publisher_starts_stops_adopts_and_undoes() -> None:
    anna = member("publisher")
    start = reverse("admin:experiment_start")
    assert "taste, looks, popular and new" in text_of(anna.get(start))

    assert anna.post(start, SENT).status_code == 302
    experiment = RankingExperiment.objects.get()
    assert experiment.is_running
    assert "It runs until" in text_of(anna.get(page_of(experiment)))
    assert "is running. Stop it first." in text_of(anna.post(start, SENT))
    assert step(anna, experiment, "adopt_second") == [
        "The experiment is still running. Stop it first."
    ]
    assert step(anna, experiment, "stop") == ["Done. It takes effect within seconds."]
    assert "stopped before its time says nothing" in text_of(anna.get(page_of(experiment)))
    step(anna, experiment, "adopt_second")
    assert ranking_for() == "looks"
    assert "Adopted and in use: looks, popular and new" in text_of(anna.get(page_of(experiment)))
    assert "In use: looks, popular and new" in text_of(anna.get(reverse(LIST)))
    step(anna, experiment, "undo")

    assert ranking_for() == ""
    actions = AuditEntry.objects.order_by("pk").values_list("by", "action", "detail")
    assert list(actions) == [
        ("publisher-anna", "start experiment", "blend, looks, 14 d"),
        ("publisher-anna", "stop experiment", ""),
        ("publisher-anna", "adopt ranking", "looks"),
        ("publisher-anna", "undo adoption", ""),
    ]


@pytest.mark.parametrize(
    "sent", [{}, {**SENT, "days": "9"}, {**SENT, "second": "x\0"}, {**SENT, "second": "blend"}]
)
def test_a_form_that_makes_no_sense_starts_nothing(sent: dict[str, str]) -> None:
    page = text_of(member("publisher").post(reverse("admin:experiment_start"), sent))

    assert "Choose two" in page
    assert not RankingExperiment.objects.exists()


def test_others_look_and_change_nothing() -> None:
    experiment = start_experiment("blend", "looks", 14, "anna")
    for group in ("viewer", "operator"):
        client = member(group)
        assert client.get(page_of(experiment)).status_code == 200
        assert client.post(reverse("admin:experiment_start"), SENT).status_code == 403
        for act in ("stop", "adopt_first", "adopt_second", "undo"):
            address = reverse("admin:experiment_step", args=[experiment.pk, act])
            assert client.post(address).status_code == 403

    experiment.refresh_from_db()
    assert experiment.is_running
    assert not AuditEntry.objects.exists()


@pytest.mark.parametrize(
    ("number", "clicks", "verdict"),
    [
        (100, (1, 4), "There is too little to tell"),
        (400, (2, 2), "The two cannot be told apart"),
        (400, (2, 5), "Shoppers open more of what this ranking shows: looks, popular and new"),
        (400, (5, 2), "of what this ranking shows: taste, looks, popular and new"),
    ],
)
def test_the_page_says_at_the_end_whether_two_can_be_told_apart(
    number: int, clicks: tuple[int, int], verdict: str
) -> None:
    experiment = start_experiment("blend", "looks", 14, "anna")
    add_sessions(experiment, number, clicks)
    anna = member("viewer")
    assert "is said at the end" in text_of(anna.get(page_of(experiment)))
    end(experiment)

    assert verdict in text_of(anna.get(page_of(experiment)))


def test_the_figures_by_hand_and_in_russian() -> None:
    experiment = start_experiment("blend", "looks", 14, "anna")
    add_sessions(experiment, 400, (2, 5))
    end(experiment)

    page = text_of(member("viewer").get(page_of(experiment), headers={"Accept-Language": "ru"}))

    # 40 of 400 sessions open 2, or 5, of 10 products. The deviation of a session's clicks is 0.6,
    # or 1.5 (with n - 1: 0.6008 and 1.5019), so the intervals are ± 1.96 × 0.3004 or × 0.7509 %.
    for text in ("2,00", "1,41 – 2,59", "5,00", "3,53 – 6,47", "+3,00", "+1,41", "+4,59"):
        assert text in page
    assert "можно различить" in page


def test_unequal_halves_are_noticed() -> None:
    experiment = start_experiment("blend", "looks", 14, "anna")
    add_sessions(experiment, 400, (2, 5))
    ExperimentSession.objects.filter(is_second=True, clicked=[]).delete()
    end(experiment)

    assert "The halves differ in size" in text_of(member("viewer").get(page_of(experiment)))


def test_a_missing_experiment_or_step() -> None:
    anna: Any = member("publisher")
    experiment = start_experiment("blend", "looks", 14, "anna")

    assert anna.post(reverse("admin:experiment_step", args=[0, "stop"])).status_code == 404
    address = reverse("admin:experiment_step", args=[experiment.pk, "nonsense"])
    assert anna.post(address).status_code == 404
