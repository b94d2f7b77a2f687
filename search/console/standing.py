"""Where a product stands in the results of a search, and what stands above it."""

from dataclasses import dataclass, replace
from typing import Any

from catalog.models import Product
from search.answer import Result
from search.photo_search import search
from search.request import SearchRequest

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
    """Searches as a shopper does and looks for the product. Raises what `search` raises."""
    whole = search(replace(request, limit=DEPTH, explain=True, fold=False))
    places = {result.product.pk: place for place, result in enumerate(whole.results, 1)}
    place = places.get(product.pk)
    until = place or ABOVE + 1
    above = list(enumerate(whole.results, 1))[max(0, until - 1 - ABOVE) : until - 1]
    hidden = False
    if place is not None:
        folded = search(replace(request, limit=DEPTH, fold=True))
        hidden = product.pk not in {result.product.pk for result in folded.results}
    explained = [result.explanation for result in whole.results if result.explanation]
    return Standing(
        place=place,
        result=whole.results[place - 1] if place else None,
        above=above,
        depth=len(whole.results),
        hidden=hidden,
        terms=list(explained[0]) if explained else [],
        timings_ms=whole.timings_ms,
    )
