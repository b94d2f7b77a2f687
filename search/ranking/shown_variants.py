"""Chooses the variants that results show, and prices results by them."""

from collections.abc import Sequence

import numpy as np

from catalog.detection.photo_analysis import Target
from catalog.index.live_index import LiveIndex
from catalog.product_cards import VariantCard
from search.ranking.scoring import Ranked
from search.request import Filters
from search.retrieval.variant_choice import choose_variants


def choose_shown(
    results: Sequence[Ranked],
    filters: Filters,
    queries: np.ndarray,
    targets: Sequence[Target],
    index: LiveIndex,
) -> dict[int, VariantCard]:
    """Returns the variant to show of each product that has variants, by the id of the product: the
    one that passes the filters and looks most like the object that found the product. `queries` are
    float32 (q, dimensions), one for each target, or a single one without targets."""
    numbers = {target.object: number for number, target in enumerate(targets)}
    return choose_variants(
        [item.candidate.product_id for item in results],
        filters,
        index,
        list(queries),
        [numbers.get(item.object, 0) for item in results],
    )


def price_as_shown(
    results: Sequence[Ranked],
    filters: Filters,
    queries: np.ndarray,
    targets: Sequence[Target],
    index: LiveIndex,
) -> list[Ranked]:
    """Returns the results with the prices of the variants that they show."""
    shown = choose_shown(results, filters, queries, targets, index)
    return [
        item._replace(candidate=item.candidate._replace(price=variant.price))
        if (variant := shown.get(item.candidate.product_id))
        else item
        for item in results
    ]
