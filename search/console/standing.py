"""Where a product stands in the results of a search, and what stands above it."""

from dataclasses import dataclass, replace
from typing import Any

from django.conf import settings

from catalog.index.live_index import live_index
from catalog.models import Product
from search.answer import Result
from search.console.query_steps import follow_search
from search.ranking.deduplication import deduplicate
from search.request import SearchRequest
from search.serving.admission import admission
from search.serving.deadline import StageClock

DEPTH = 500  # results that are searched for the product
ABOVE = 10  # results that are shown above it


@dataclass(frozen=True)
class Standing:
    """`place`: of the product among all results, from 1; None if it is not among the first
    `depth`. `result`: the product as a result. `above`: the results nearest above it with their
    places, or the first results without a place. `hidden`: whether shoppers do not see it, because
    results show it behind a lookalike."""

    place: int | None
    result: Result | None
    above: list[tuple[int, Result]]
    depth: int
    hidden: bool
    terms: list[str]
    timings_ms: dict[str, Any]


def find_standing(request: SearchRequest, product: Product) -> Standing:
    """Searches as a shopper does, but does not fold lookalikes, and looks for the product. Raises
    what `search.photo_search.search` raises."""
    request = replace(request, limit=DEPTH, explain=True, fold=False)
    clock = StageClock()
    with admission.admitted(clock.deadline):
        _, _, found, results = follow_search(request, live_index(), clock)
        timings = clock.timings()
    places = {result.product.pk: place for place, result in enumerate(results, 1)}
    place = places.get(product.pk)
    until = place or ABOVE + 1
    above = list(enumerate(results, 1))[max(0, until - 1 - ABOVE) : until - 1]
    shown, _ = deduplicate(found.ranked, [], settings.LOOKALIKE)
    explained = [result.explanation for result in results if result.explanation]
    return Standing(
        place=place,
        result=results[place - 1] if place else None,
        above=above,
        depth=len(results),
        hidden=place is not None
        and product.pk not in {item.candidate.product_id for item in shown},
        terms=list(explained[0]) if explained else [],
        timings_ms=timings,
    )
