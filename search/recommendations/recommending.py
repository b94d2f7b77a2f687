"""Recommends products to a shopper. `recommend` lists the steps."""

import uuid
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from django.db import ProgrammingError

from catalog.index.factor_store import live_factors, nearest_factors, read_factors
from catalog.index.live_index import IndexSpace, live_space
from catalog.index.preferences import solve_preferences
from catalog.index.search_statement import ProductCondition, VectorQuery
from catalog.index.vector_store import vector_store
from catalog.index.vectors import combine
from catalog.product_cards import ProductCard, read_product_cards
from search.answer import Because, Result, SearchAnswer
from search.errors import RequestError
from search.filters.declared import filter_condition
from search.query.vector import read_product_vector
from search.recommendations.blending import blend, score_terms, spread
from search.recommendations.rankings import WEIGHTS
from search.recommendations.recent_history import RecentHistory, read_recent
from search.request import Filters
from search.retrieval.facets import read_facets
from search.retrieval.products import find_product_ids
from search.retrieval.variant_choice import choose_variants
from search.serving.admission import admission
from search.serving.deadline import StageClock

FOUND = 120  # products of each ranking
LOOKED_AT = 3  # the latest products, to which others may look alike
FEWEST_SHOWN = 60  # products that a choice is made from


class Tastes(NamedTuple):
    """Products by the shopper's factor, best first, and for each of them the product of the history
    that speaks for it most."""

    ranking: list[int]
    because: dict[int, int]


def recommend(
    user: str = "",
    session: str = "",
    filters: Filters | None = None,
    limit: int = 24,
    weights: Mapping[str, float] = WEIGHTS,
    explain: bool = False,
) -> SearchAnswer:
    """Recommends at most `limit` products in stock that pass the filters, to a user or a session.
    Those that the shopper has opened, bought or rejected are left out. `weights`: as in RANKINGS;
    `explain`: results have the terms of their scores. Raises IndexNotReady or Overloaded."""
    clock = StageClock()
    with admission.admitted(clock.deadline):
        space = live_space()
        with clock.stage("retrieve"):
            wanted = Filters(**{"in_stock": True, **(filters or {})})
            history = read_recent(user, session)
            try:
                rankings, tastes = rank_products(history, wanted, space)
            except ProgrammingError:  # a table was dropped meanwhile: another is live by now
                space = live_space()
                rankings, tastes = rank_products(history, wanted, space)
        with clock.stage("rank"):
            rankings = {name: found for name, found in rankings.items() if weights[name]}
            chosen, cards = choose(rankings, limit, weights)
            results = build_results(chosen, cards, tastes, history, wanted)
            for result in results if explain else ():
                result.explanation = score_terms(result.product.pk, rankings, weights)
    return SearchAnswer(
        query_id=uuid.uuid4().hex,
        kind="product",
        box=None,
        generation=space.generation,
        complete=False,
        calibrated=False,
        results=results,
        next_offset=None,
        facets=read_facets({}),
        timings_ms=clock.timings(),
    )


def rank_products(
    history: RecentHistory, filters: Filters, space: IndexSpace
) -> tuple[dict[str, list[int]], Tastes]:
    """Returns the rankings to blend, by the names of WEIGHTS."""
    condition = filter_condition(filters, history.products)
    tastes = rank_by_taste(history, condition)
    rankings = {"taste": tastes.ranking, "looks": rank_by_looks(history, condition, space)}
    # What a stranger looked at last decides the category of what is popular, and then of nothing.
    category = _latest_category(history)
    narrowed = Filters(**{**filters, "category": (category,)}) if category else filters
    if "category" in filters:
        narrowed = filters
    for name, sort in (("popular", "relevance"), ("new", "-created")):
        found = find_product_ids(narrowed, sort, FOUND // 2, left_out=history.products)
        if narrowed is not filters:
            found += find_product_ids(filters, sort, FOUND // 2, left_out=history.products)
        rankings[name] = list(dict.fromkeys(found))
    return rankings, tastes


def rank_by_taste(history: RecentHistory, condition: ProductCondition) -> Tastes:
    """Folds the shopper into the live factor model, and finds the nearest products. Without a model
    or a history there are none."""
    model = live_factors()
    factors = read_factors(model, history.products) if model and history.liked else {}
    known = [
        (pk, w) for pk, w in zip(history.products, history.weights, strict=True) if pk in factors
    ]
    if model is None or not any(weight > 0 for _, weight in known):
        return Tastes([], {})
    stacked = np.stack([factors[pk] for pk, _ in known])
    shopper, contributions = solve_preferences(
        stacked,
        np.array([weight for _, weight in known]),
        model.gram,
        model.alpha,
        model.regularization,
    )
    found = nearest_factors(model, shopper, FOUND, condition.test)
    ranking = [item.product_id for item in found]
    theirs = read_factors(model, ranking)
    ranking = [pk for pk in ranking if pk in theirs]
    if not ranking:
        return Tastes([], {})
    reasons = (np.stack([theirs[pk] for pk in ranking]) @ contributions.T).argmax(axis=1)
    return Tastes(ranking, {pk: known[r][0] for pk, r in zip(ranking, reasons, strict=True)})


def rank_by_looks(
    history: RecentHistory, condition: ProductCondition, space: IndexSpace
) -> list[int]:
    """Returns products that look like those that the shopper liked last."""
    vectors = [v for pk in history.liked[:LOOKED_AT] if (v := _looks_of(pk, space)) is not None]
    if not vectors:
        return []
    latest_first = combine([(1.0 / (1 + n), vector) for n, vector in enumerate(vectors)])
    query = VectorQuery(
        space,
        latest_first[None],
        FOUND,
        condition.test,
        cases=condition.cases,
        hints=condition.hints,
    )
    return [found.product_id for found in vector_store().nearest(query)]


def choose(
    rankings: Mapping[str, Sequence[int]], limit: int, weights: Mapping[str, float]
) -> tuple[list[tuple[int, float, str]], dict[int, ProductCard]]:
    """Blends the rankings, and spreads the best products over categories. Returns (product, score,
    name of the ranking) of each chosen one, and the cards of all that were compared."""
    blended = blend(rankings, weights)[: max(FEWEST_SHOWN, 2 * limit)]
    cards = read_product_cards([pk for pk, _, _ in blended])
    visible = [item for item in blended if item[0] in cards]
    categories = [card.category and card.category.slug for card in (cards[i[0]] for i in visible)]
    order = spread([score for _, score, _ in visible], categories, limit)
    return [visible[number] for number in order], cards


def build_results(
    chosen: Sequence[tuple[int, float, str]],
    cards: Mapping[int, ProductCard],
    tastes: Tastes,
    history: RecentHistory,
    filters: Filters,
) -> list[Result]:
    """Returns the results, each with its reason and the variant that passes the filters."""
    latest = history.liked[0] if history.liked else None
    reasons = {
        pk: tastes.because.get(pk) if name == "taste" else latest
        for pk, _, name in chosen
        if name in ("taste", "looks")
    }
    named = read_product_cards(sorted({pk for pk in reasons.values() if pk is not None}))
    varied = [pk for pk, _, _ in chosen if cards[pk].has_variants]
    variants = choose_variants(varied, filters) if varied else {}
    best = chosen[0][1] if chosen else 1.0
    return [
        Result(
            product=cards[pk],
            score=round(min(1.0, score / best), 4),
            match="similar" if name == "looks" else "weak",
            variant=variants.get(pk),
            because=Because(name, named.get(reasons.get(pk) or 0)),
        )
        for pk, score, name in chosen
    ]


def _looks_of(product_id: int, space: IndexSpace) -> Any:
    """Returns the direction of a product's embeddings, or None without any."""
    try:
        return read_product_vector(product_id, space)
    except RequestError:
        return None


def _latest_category(history: RecentHistory) -> str:
    latest = history.liked[:1]
    card = read_product_cards(latest).get(latest[0]) if latest else None
    return card.category.slug if card and card.category else ""
