"""Declares the filters, and combines their SQL conditions."""

from collections.abc import Iterator, Mapping
from typing import Any

from django.utils.translation import gettext_lazy as _
from psycopg.sql import SQL, Composable

from search.filters.kinds import (
    CategoryFilter,
    FacetedFilter,
    Filter,
    FlagFilter,
    RangeFilter,
    TagFilter,
    ValuesFilter,
    literal,
)

FILTERS: list[Filter] = [
    CategoryFilter("category", _("Category")),
    TagFilter("tag", _("Tag")),
    ValuesFilter("brand", _("Brand"), sql="product.brand", in_candidates=True),
    RangeFilter(
        "price",
        _("Price"),
        sql="product.price",
        ends={"price_min": _("Lowest price"), "price_max": _("Highest price")},
        empty_error=_("The lowest price is above the highest."),
        in_candidates=True,
    ),
    FlagFilter("in_stock", _("Availability"), sql="product.in_stock", label=_("In stock only")),
]
"""All filters, in the order of the page. `search.request.Filters` holds the values of a request."""


def faceted_filters() -> list[FacetedFilter]:
    """Returns the filters that have a facet, in the order of FILTERS."""
    return [declared for declared in FILTERS if isinstance(declared, FacetedFilter)]


def filter_condition(filters: Mapping[str, Any], excluded_product: int | None = None) -> Composable:
    """Returns the SQL condition that a product is visible, passes `filters` and does not have the
    id `excluded_product`. The condition is about `product`, a row of catalog_product.

    The values are literals, because the best plan depends on them. Execute the statement with a
    list of parameters, even an empty one, because each `%` in a literal is doubled."""
    return SQL(" AND ").join(_conditions(filters, excluded_product))


def _conditions(filters: Mapping[str, Any], excluded_product: int | None) -> Iterator[Composable]:
    yield SQL("product.is_visible")
    for declared in FILTERS:
        yield from declared.conditions(filters)
    if excluded_product is not None:
        yield SQL("product.id <> {}").format(literal(excluded_product))
