"""The page on which an operator sees what one session did lately, what it is recommended now, and
why. The name of a session is a secret that opens its history, so pages show its beginning only."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.contrib.admin import ModelAdmin
from django.http import HttpRequest
from django.template.response import TemplateResponse
from django.utils.translation import gettext as _

from catalog.console.audit_log import record_request
from catalog.console.logged_searches import shorten_sender
from catalog.index.live_index import IndexNotReady
from catalog.models import Event, FactorModel
from catalog.product_cards import ProductCard, read_product_cards
from search.answer import Result
from search.console.recommendations.ranking_names import name_ranking, name_term
from search.recommendations.experiments import ranking_for
from search.recommendations.rankings import weights_of
from search.recommendations.recommending import recommend
from search.serving.deadline import Overloaded

TEMPLATE = "admin/catalog/rankingexperiment/session.html"
SHOWN_EVENTS = 30
SHOWN_PRODUCTS = 12
LATEST_EVENTS = 400  # that sessions are picked from
LATEST_SESSIONS = 12
MAX_NAME = 100


@dataclass(frozen=True)
class LatestSession:
    """A session, or user, among the latest events. `event`: the id of its latest one."""

    name: str
    event: int
    at: datetime
    events: int


@dataclass(frozen=True)
class ShownEvent:
    """An event, with the card of its product, None if that is not visible any more."""

    event: Event
    card: ProductCard | None


@dataclass(frozen=True)
class ExplainedResult:
    """A result with its place, and the name and value of each term of its score."""

    place: int
    result: Result
    terms: list[tuple[str, float]]


def show_session(request: HttpRequest, of: ModelAdmin) -> TemplateResponse:
    """Shows the form, and what it asks for: a session or user by name, or by one of its events."""
    context: dict[str, Any] = {"problem": ""}
    if request.method == "POST":
        sender = find_sender(request.POST.get("name", ""), request.POST.get("event", ""))
        if sender:
            context |= describe_sender(**sender)
            record_request(request, "look at session", detail=context["name"])
        else:
            context["problem"] = _("There are no events of this session or user.")
    else:
        context["latest"] = latest_sessions()
    context = {
        **of.admin_site.each_context(request),
        "title": _("Recommended to a session"),
        "opts": of.opts,
        **context,
    }
    response = TemplateResponse(request, TEMPLATE, context)
    response["Cache-Control"] = "private, no-store"
    return response


def find_sender(name: str, event: str) -> dict[str, str]:
    """Returns the `user` or the `session` with this name, or of the event with this id, or {}."""
    if event.isdecimal() and len(event) < 19:
        row = Event.objects.filter(pk=int(event)).first()
    elif name := name.replace("\0", "").strip()[:MAX_NAME]:
        sessions = Event.objects.filter(session=name).exclude(session="")
        users = Event.objects.filter(user=name).exclude(user="")
        row = sessions.order_by("-pk").first() or users.order_by("-pk").first()
    else:
        row = None
    if row is None or not (row.user or row.session):
        return {}
    by_session = row.session == name or not row.user
    return {"session": row.session} if by_session and row.session else {"user": row.user}


def describe_sender(user: str = "", session: str = "") -> dict[str, Any]:
    """Returns the last events, the ranking, and the answer with its terms."""
    events = list(Event.objects.of_sender(user, session).order_by("-pk")[:SHOWN_EVENTS])
    cards = read_product_cards(sorted({event.product_id for event in events}))
    ranking = ranking_for(user, session)
    problem, results = "", list[Result]()
    try:
        answer = recommend(
            user, session, limit=SHOWN_PRODUCTS, weights=weights_of(ranking), explain=True
        )
        results = answer.results
    except (IndexNotReady, Overloaded) as error:
        problem = str(error)
    return {
        "name": shorten_sender(user or session),
        "events": [ShownEvent(event, cards.get(event.product_id)) for event in events],
        "ranking": name_ranking(ranking),
        "model": FactorModel.objects.filter(state="live").values_list("pk", flat=True).first(),
        "results": [explain(place, result) for place, result in enumerate(results, 1)],
        "problem": problem,
    }


def explain(place: int, result: Result) -> ExplainedResult:
    """Returns a result with the terms of its score, the greatest first."""
    terms = sorted((result.explanation or {}).items(), key=lambda term: -term[1])
    return ExplainedResult(
        place, result, [(name_term(name), round(value, 4)) for name, value in terms]
    )


def latest_sessions() -> list[LatestSession]:
    """Returns the senders of the latest events."""
    found: dict[str, list[Event]] = {}
    rows = Event.objects.order_by("-pk")[:LATEST_EVENTS]
    for event in rows:
        if sender := event.user or event.session:
            found.setdefault(sender, []).append(event)
    return [
        LatestSession(shorten_sender(sender), events[0].pk, events[0].at, len(events))
        for sender, events in list(found.items())[:LATEST_SESSIONS]
    ]
