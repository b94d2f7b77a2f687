"""Recommends by the ranking that a session is assigned to, and counts what it is shown and opens.

A keyed hash of the session and the experiment decides: it is stable, and nobody can choose a
session for a ranking."""

import uuid
from collections.abc import Sequence
from typing import Any, NamedTuple

from django.db import connection

from catalog.api.request_origin import origin_of
from catalog.models import Event, RankingExperiment
from catalog.quality.ranking_experiments import ranking_state
from search.answer import SearchAnswer
from search.recommendations.rankings import weights_of
from search.recommendations.recommending import recommend
from search.request import Filters

MAX_ANSWERS = 50  # of a session that count; more are the work of a program
MAX_COUNTED = 24  # products of an answer
# An experiment that is in the memory of a process may have been deleted.
NOTE_SHOWN = """
    INSERT INTO catalog_experimentsession AS known
        (experiment_id, sender, is_second, at, origin, queries, shown, clicked)
    SELECT id, %(sender)s, %(is_second)s, now(), %(origin)s, ARRAY[%(query)s::uuid],
        %(products)s::bigint[], '{}' FROM catalog_rankingexperiment WHERE id = %(experiment)s
    ON CONFLICT (experiment_id, sender) DO UPDATE SET
        queries = known.queries || excluded.queries,
        shown = known.shown
            || ARRAY(SELECT unnest(excluded.shown) EXCEPT SELECT unnest(known.shown))
    WHERE cardinality(known.queries) < %(most)s
"""
# A click counts if it names an answer that showed the product to this session.
NOTE_CLICKS = """
    UPDATE catalog_experimentsession session SET clicked = ARRAY(
        SELECT unnest(session.clicked) UNION SELECT click.product
        FROM unnest(%(senders)s::text[], %(queries)s::uuid[], %(products)s::bigint[])
            click (sender, query, product)
        WHERE click.sender = session.sender AND click.query = ANY (session.queries)
            AND click.product = ANY (session.shown))
    WHERE experiment_id = %(experiment)s AND sender = ANY (%(senders)s::text[])
        AND queries && %(queries)s::uuid[]
"""


class Assigned(NamedTuple):
    """The ranking of a user or session, and the running experiment that it is part of, with the
    hash of its name there."""

    ranking: str
    experiment: RankingExperiment | None = None
    sender: str = ""
    is_second: bool = False


def recommend_and_count(
    address: str,
    user: str = "",
    session: str = "",
    filters: Filters | None = None,
    limit: int = 24,
) -> SearchAnswer:
    """Does what `recommend` does, by the ranking that is in use, or that an experiment shows to
    this user or session. `address`: of the shopper, or "" if it is not known. Raises what
    `recommend` raises."""
    assigned = _assign(user, session)
    answer = recommend(user, session, filters, limit, weights_of(assigned.ranking))
    if assigned.experiment is not None and answer.results:
        _note_shown(assigned, address, answer)
    return answer


def ranking_for(user: str = "", session: str = "") -> str:
    """Returns the name of the ranking for a user or session: one of a running experiment, else the
    one that was adopted last, or "" if none was."""
    return _assign(user, session).ranking


def count_clicks(events: Sequence[Event]) -> None:
    """Counts those of the events that are clicks on what the running experiment showed."""
    experiment = ranking_state().running
    if experiment is None:  # the last clicks may come after its end
        return
    clicks = [
        (experiment.hash_sender(**{kind: name}), query, event.product_id)
        for event in events
        if event.type == Event.Type.CLICK and (query := _as_uuid(event.query_id))
        for kind, name in (("user", event.user), ("session", event.session))
        if name
    ]
    if not clicks:
        return
    senders, queries, products = map(list, zip(*clicks, strict=True))
    values: dict[str, Any] = {"senders": senders, "queries": queries, "products": products}
    with connection.cursor() as cursor:
        cursor.execute(NOTE_CLICKS, {"experiment": experiment.pk, **values})


def _assign(user: str, session: str) -> Assigned:
    """Strangers are in no experiment."""
    state = ranking_state()
    experiment = state.running
    if experiment is None or not experiment.is_running or not (user or session):
        return Assigned(state.adopted)
    sender = experiment.hash_sender(user, session)
    is_second = bool(int(sender[0], 16) & 1)
    ranking = experiment.second if is_second else experiment.first
    return Assigned(ranking, experiment, sender, is_second)


def _note_shown(assigned: Assigned, address: str, answer: SearchAnswer) -> None:
    assert assigned.experiment is not None
    values: dict[str, Any] = {
        "experiment": assigned.experiment.pk,
        "sender": assigned.sender,
        "is_second": assigned.is_second,
        "origin": origin_of(address),
        "query": answer.query_id,
        "products": [result.product.pk for result in answer.results[:MAX_COUNTED]],
        "most": MAX_ANSWERS,
    }
    with connection.cursor() as cursor:
        cursor.execute(NOTE_SHOWN, values)


def _as_uuid(query: str) -> str:
    try:
        return str(uuid.UUID(hex=query))
    except ValueError:
        return ""
