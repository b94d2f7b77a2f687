"""The declared filters, and the SQL condition that they make together."""

from collections.abc import Iterator, Mapping
from typing import Any

from django.utils.translation import gettext_lazy as _
from psycopg.sql import SQL, Composable

from search.filters.kinds import (
    CategoryFilter,
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
"""In the order of the page. `search/request.py:Filters` holds what a request gives for them."""


def filter_condition(filters: Mapping[str, Any], without: int | None = None) -> Composable:
    """The condition that a product is visible, passes `filters` and is not `without`, on `product`,
    the table catalog_product. The values are literals, because the best plan depends on them. The
    statement must be executed with parameters, even with none: each `%` in a literal is doubled."""
    return SQL(" AND ").join(_conditions(filters, without))


def _conditions(filters: Mapping[str, Any], without: int | None) -> Iterator[Composable]:
    yield SQL("product.is_visible")
    for declared in FILTERS:
        yield from declared.conditions(filters)
    if without is not None:
        yield SQL("product.id <> {}").format(literal(without))
