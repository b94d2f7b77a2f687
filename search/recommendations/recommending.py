"""Recommends products to a shopper. `recommend` lists the steps."""

import uuid
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import numpy as np
from django.db import ProgrammingError

from catalog.index.factor_store import live_factors, nearest_factors
from catalog.index.live_index import IndexSpace, live_space
from catalog.index.search_statement import ProductCondition, VectorQuery
from catalog.index.vector_store import vector_store
from catalog.index.vectors import combine
from catalog.product_cards import ProductCard, read_categories, read_product_cards
from search.answer import Because, Result, SearchAnswer
from search.filters.declared import filter_condition
from search.query.vector import read_product_vectors
from search.recommendations.blending import blend, score_terms, spread
from search.recommendations.folding_in import fold_in
from search.recommendations.popular_and_new import find_popular_and_new
from search.recommendations.rankings import WEIGHTS
from search.recommendations.recent_history import RecentHistory, read_recent
from search.request import Filters
from search.retrieval.candidates import COMPARE_ALL
from search.retrieval.facets import read_facets
from search.retrieval.narrow_filters import is_narrow
from search.retrieval.variant_choice import choose_variants
from search.serving.admission import admission
from search.serving.deadline import StageClock

FOUND = 48  # products of each ranking, and of all of them, from which up to 24 are chosen
WIDTH = 64  # of the search of the graph by looks: of a shelf of products that look alike, one is as
# good as another
LOOKED_AT = 3  # the latest products, to which others may look alike


class Tastes(NamedTuple):
    """Products by the shopper's factor, best first, and for each of them the product of the history
    that speaks for it most."""

    ranking: list[int]
    because: dict[int, int]


class Chosen(NamedTuple):
    """A product to show, the ranking that speaks for it most, and the product of the history that
    this ranking names, if any."""

    product_id: int
    score: float
    ranking: str
    because: int | None


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
            history, found = read_recent(user, session), max(FOUND, 2 * limit)
            try:
                rankings, tastes = rank_products(history, wanted, space, found, weights)
            except ProgrammingError:  # a table was dropped meanwhile: another is live by now
                space = live_space()
                rankings, tastes = rank_products(history, wanted, space, found, weights)
        with clock.stage("rank"):
            chosen, cards = choose(rankings, tastes, history, found, limit, weights)
            results = build_results(chosen, cards, wanted)
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
    history: RecentHistory,
    filters: Filters,
    space: IndexSpace,
    found: int,
    weights: Mapping[str, float],
) -> tuple[dict[str, list[int]], Tastes]:
    """Returns the rankings to blend, those that have a weight: `found` products by taste and by
    looks and, if together these are fewer, what is popular and new."""
    narrow = is_narrow(filter_condition(filters), space.generation, found)
    condition = filter_condition(filters, history.products)
    tastes, rankings = Tastes([], {}), dict[str, list[int]]()
    if weights["taste"]:
        tastes = rank_by_taste(history, condition, narrow, found)
        rankings["taste"] = tastes.ranking
    if weights["looks"]:
        rankings["looks"] = rank_by_looks(history, condition, narrow, found, space)
    if len(set().union(*rankings.values())) < found:
        # What a stranger looked at last decides the category of what comes first.
        latest = None if "category" in filters else next(iter(history.liked), None)
        rankings.update(find_popular_and_new(condition, narrow, latest))
    return rankings, tastes


def rank_by_taste(
    history: RecentHistory, condition: ProductCondition, narrow: bool, count: int
) -> Tastes:
    """Folds the shopper into the live factor model, and finds the nearest products. Without a model
    or a history there are none."""
    model = live_factors()
    shopper = fold_in(model, history) if model else None
    if model is None or shopper is None:
        return Tastes([], {})
    found = nearest_factors(model, shopper.factor, count, condition, compare_all=narrow)
    if not found:
        return Tastes([], {})
    factors = np.stack([item.factor for item in found])
    reasons = (factors @ shopper.contributions.T).argmax(axis=1)
    ranking = [item.product_id for item in found]
    return Tastes(
        ranking, {pk: shopper.products[r] for pk, r in zip(ranking, reasons, strict=True)}
    )


def rank_by_looks(
    history: RecentHistory,
    condition: ProductCondition,
    narrow: bool,
    count: int,
    space: IndexSpace,
) -> list[int]:
    """Returns products that look like those that the shopper liked last."""
    latest = history.liked[:LOOKED_AT]
    looks = read_product_vectors(latest, space)
    parts = [(1.0 / (1 + n), looks[pk]) for n, pk in enumerate(latest) if pk in looks]
    if not parts:
        return []
    query = VectorQuery(
        space,
        combine(parts)[None],
        count,
        condition.test,
        exact_up_to=COMPARE_ALL if narrow else 0,
        cases=condition.cases,
        hints=condition.hints,
        width=WIDTH,
    )
    return [found.product_id for found in vector_store().nearest(query)]


def choose(
    rankings: Mapping[str, Sequence[int]],
    tastes: Tastes,
    history: RecentHistory,
    compared: int,
    limit: int,
    weights: Mapping[str, float],
) -> tuple[list[Chosen], dict[int, ProductCard]]:
    """Blends the rankings, and spreads the `compared` best products over categories. Returns the
    chosen ones, and the cards of these and of the products that speak for them."""
    latest = next(iter(history.liked), None)
    because: dict[str, Callable[[int], int | None]] = {
        "taste": tastes.because.get,
        "looks": lambda pk: latest,
    }
    best = blend(rankings, weights)[:compared]
    categories = read_categories([pk for pk, _, _ in best])
    visible = [
        Chosen(pk, score, name, because[name](pk) if name in because else None)
        for pk, score, name in best
        if pk in categories
    ]
    order = spread(
        [item.score for item in visible], [categories[item.product_id] for item in visible], limit
    )
    chosen = [visible[number] for number in order]
    named = [item.because for item in chosen if item.because is not None]
    cards = read_product_cards(list({*named, *(item.product_id for item in chosen)}))
    return [item for item in chosen if item.product_id in cards], cards


def build_results(
    chosen: Sequence[Chosen], cards: Mapping[int, ProductCard], filters: Filters
) -> list[Result]:
    """Returns the results, each with its reason and the variant that passes the filters."""
    varied = [item.product_id for item in chosen if cards[item.product_id].has_variants]
    variants = choose_variants(varied, filters) if varied else {}
    best = chosen[0].score if chosen else 1.0
    return [
        Result(
            product=cards[item.product_id],
            score=round(min(1.0, item.score / best), 4),
            match="similar" if item.ranking == "looks" else "weak",
            variant=variants.get(item.product_id),
            because=Because(item.ranking, cards.get(item.because or 0)),
        )
        for item in chosen
    ]
