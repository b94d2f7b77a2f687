"""Experiments: which ranking a session sees, what of it is counted, and what is deleted."""

import uuid
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from catalog.api.access_keys import create_key
from catalog.models import Event, ExperimentSession, RankingExperiment
from catalog.quality.ranking_experiments import (
    MAX_SESSIONS_OF_ORIGIN,
    ExperimentError,
    adopt_ranking,
    forget_state,
    read_sums,
    start_experiment,
    stop_experiment,
    undo_adoption,
)
from catalog.quality.rate_difference import ArmSums
from indexing.clicks.log_retention import delete_old_searches
from search.recommendations.experiments import MAX_ANSWERS, ranking_for

pytestmark = pytest.mark.django_db

URL = "/api/v1/recommendations/"


@pytest.fixture(autouse=True)
def fresh_state() -> Iterator[None]:
    forget_state()
    yield
    forget_state()


@pytest.fixture
def experiment() -> RankingExperiment:
    return start_experiment("blend", "popular", 14, "anna")


def session_of(number: int) -> str:
    return f"{number:032x}"


def ask(client: Client, session: str, **more: Any) -> dict[str, Any]:
    answer = client.get(URL, {"session": session, **more})
    assert answer.status_code == 200, answer.content
    return answer.json()


def ids_of(answer: dict[str, Any]) -> list[int]:
    return [result["product"]["id"] for result in answer["results"]]


def click(client: Client, session: str, query: str, *products: int) -> None:
    events = [
        {"type": "click", "product": product, "session": session, "query": query}
        for product in products
    ]
    assert client.post("/api/v1/events/", events, "application/json").status_code == 202


def test_half_of_the_sessions_see_each_ranking_and_keep_it(experiment: RankingExperiment) -> None:
    seen = [ranking_for(session=session_of(number)) for number in range(2_000)]

    assert 900 < seen.count("popular") < 1_100
    assert seen == [ranking_for(session=session_of(number)) for number in range(2_000)]
    assert ranking_for() == ""  # strangers see the ranking in use
    stop_experiment(experiment)
    other = start_experiment("blend", "popular", 14, "anna")
    again = [ranking_for(session=session_of(number)) for number in range(2_000)]
    same = sum(a == b for a, b in zip(seen, again, strict=True))
    assert 900 < same < 1_100  # each experiment has a key of its own
    assert other.hash_sender(session="a") != experiment.hash_sender(session="a")


def test_the_rankings_answer_differently(
    shop: list[int], client: Client, experiment: RankingExperiment
) -> None:
    kinds = {}
    for number in range(12):
        session = session_of(number)
        Event.objects.create(type="view", product_id=shop[21], session=session, at=timezone.now())
        found = {result["because"]["kind"] for result in ask(client, session)["results"]}
        kinds.setdefault(ranking_for(session=session), []).append(found)

    assert set(kinds) == {"blend", "popular"}
    assert all("taste" in found for found in kinds["blend"])
    assert all(found <= {"popular", "new"} for found in kinds["popular"])


def test_a_product_counts_once_a_session(
    shop: list[int], client: Client, experiment: RankingExperiment
) -> None:
    session = session_of(1)
    first, second = ask(client, session, limit=4), ask(client, session, limit=6)
    shown = set(ids_of(first)) | set(ids_of(second))
    product = ids_of(first)[0]
    never = next(pk for pk in shop if pk not in shown)

    click(client, session, first["query"]["id"], product, product)
    click(client, session, second["query"]["id"], product, never)
    click(client, session, uuid.uuid4().hex, ids_of(first)[1])  # shown by another answer
    click(client, session_of(2), first["query"]["id"], ids_of(first)[1])  # of somebody else
    click(client, session, "", ids_of(first)[1])

    row = ExperimentSession.objects.get()
    assert (set(row.shown), len(row.shown)) == (shown, len(shown))
    assert row.clicked == [product]
    sums = read_sums(experiment)[row.is_second]
    size = len(shown)
    assert sums == ArmSums(1, size, 1, size * size, size, 1)
    assert session not in str([row.sender, *experiment.__dict__.values()])


def test_a_program_cannot_count_for_much(
    shop: list[int], client: Client, experiment: RankingExperiment
) -> None:
    for number in range(MAX_SESSIONS_OF_ORIGIN + 5):
        ask(client, session_of(number), limit=2)
    for _ in range(MAX_ANSWERS + 5):
        ask(client, session_of(0), limit=2)

    assert ExperimentSession.objects.count() == MAX_SESSIONS_OF_ORIGIN + 5
    assert sum(arm.sessions for arm in read_sums(experiment)) == MAX_SESSIONS_OF_ORIGIN
    sender = experiment.hash_sender(session=session_of(0))
    assert len(ExperimentSession.objects.get(sender=sender).queries) == MAX_ANSWERS


def test_users_of_a_server_count_each(
    shop: list[int], client: Client, experiment: RankingExperiment
) -> None:
    _, key = create_key("server", ["search", "events"], "test")
    headers = {"Authorization": f"Bearer {key}"}
    for number in range(MAX_SESSIONS_OF_ORIGIN + 5):
        answer = client.get(URL, {"user": f"u{number}", "limit": 2}, headers=headers)
        assert answer.status_code == 200

    assert sum(arm.sessions for arm in read_sums(experiment)) == MAX_SESSIONS_OF_ORIGIN + 5
    query, product = answer.json()["query"]["id"], ids_of(answer.json())[0]
    event = {"type": "click", "product": product, "user": f"u{number}", "query": query}
    client.post("/api/v1/events/", [event], "application/json", headers=headers)
    assert sum(arm.clicked for arm in read_sums(experiment)) == 1


@pytest.mark.parametrize("headers", [{"Sec-GPC": "1"}, {"DNT": "1"}])
def test_those_who_ask_not_to_be_followed_are_in_no_experiment(
    headers: dict[str, str], shop: list[int], client: Client, experiment: RankingExperiment
) -> None:
    for address in ("/for-you/", URL):
        sent = {"session": session_of(1)} if address == URL else {}
        client.get(address, sent, headers={**headers, "X-Session": session_of(1)})

    assert not ExperimentSession.objects.exists()


def test_the_page_counts_and_without_an_experiment_nothing_is_written(
    shop: list[int], client: Client
) -> None:
    client.get("/for-you/", headers={"X-Session": session_of(1)})
    assert not ExperimentSession.objects.exists()
    start_experiment("blend", "looks", 7, "anna")

    client.get("/for-you/", headers={"X-Session": session_of(1)})
    client.get("/for-you/", headers={"X-Session": "short"})

    assert len(ExperimentSession.objects.get().shown) == 12


def test_deleting_a_session_deletes_its_share(
    shop: list[int], client: Client, experiment: RankingExperiment
) -> None:
    for number in (1, 2):
        answer = ask(client, session_of(number), limit=3)
        click(client, session_of(number), answer["query"]["id"], ids_of(answer)[0])

    answer = client.delete(f"/api/v1/events/?session={session_of(1)}")

    assert (answer.status_code, answer.json()) == (200, {"deleted": 1})
    kept = ExperimentSession.objects.get()
    assert kept.sender == experiment.hash_sender(session=session_of(2))
    assert sum(arm.shown for arm in read_sums(experiment)) == 3


def test_sessions_are_deleted_after_a_time_and_their_sums_stay(
    shop: list[int], client: Client, experiment: RankingExperiment, settings: Any
) -> None:
    ask(client, session_of(1), limit=3)
    counted = read_sums(experiment)
    delete_old_searches()
    assert ExperimentSession.objects.exists()
    begun = timezone.now() - timedelta(days=settings.HISTORY_DAYS, hours=1)
    RankingExperiment.objects.update(started_at=begun, ends_at=begun + timedelta(days=14))

    delete_old_searches()

    assert not ExperimentSession.objects.exists()
    experiment.refresh_from_db()
    assert not experiment.is_open
    assert read_sums(experiment) == counted


def test_one_experiment_runs_at_a_time(experiment: RankingExperiment, settings: Any) -> None:
    with pytest.raises(ExperimentError, match="is running"):
        start_experiment("blend", "taste", 7, "anna")
    with pytest.raises(ExperimentError, match="still running"):
        adopt_ranking(experiment, "popular")
    stop_experiment(experiment)
    with pytest.raises(ExperimentError, match="has ended"):
        stop_experiment(experiment)
    with pytest.raises(ExperimentError, match="different"):
        start_experiment("blend", "blend", 7, "anna")
    settings.HISTORY_DAYS = 10
    with pytest.raises(ExperimentError, match="10 days"):
        start_experiment("blend", "taste", 14, "anna")


def test_after_its_time_an_experiment_assigns_nobody(
    shop: list[int], client: Client, experiment: RankingExperiment
) -> None:
    RankingExperiment.objects.update(ends_at=timezone.now())
    forget_state()

    ask(client, session_of(1))

    assert ranking_for(session=session_of(1)) == ""
    assert not ExperimentSession.objects.exists()
    assert start_experiment("blend", "taste", 7, "anna").is_running


def test_a_ranking_is_adopted_and_taken_back(experiment: RankingExperiment) -> None:
    stop_experiment(experiment)
    adopt_ranking(experiment, "popular")
    assert ranking_for() == ranking_for(session=session_of(1)) == "popular"
    other = start_experiment("popular", "looks", 7, "anna")
    stop_experiment(other)
    adopt_ranking(other, "looks")
    assert ranking_for() == "looks"
    with pytest.raises(ExperimentError, match="in use"):
        undo_adoption(experiment)

    undo_adoption(other)
    assert ranking_for() == "popular"
    undo_adoption(experiment)
    assert ranking_for() == ""
