"""Declares the filters, and combines their SQL conditions."""

from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from typing import Any

from django.utils.translation import gettext_lazy as _
from psycopg.sql import SQL, Composable

from catalog.index.search_statement import Hint, ProductCondition
from catalog.index.stores.product_attributes import BRAND
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
from search.filters.options import OptionFilter

FILTERS: list[Filter] = [
    CategoryFilter("category", _("Category")),
    TagFilter("tag", _("Tag")),
    ValuesFilter("brand", _("Brand"), sql="product.brand", in_candidates=True, attribute=BRAND),
    RangeFilter(
        "price",
        _("Price"),
        sql="product.price",
        ends={"price_min": _("Lowest price"), "price_max": _("Highest price")},
        empty_error=_("The lowest price is higher than the highest."),
        in_candidates=True,
        variant_sql="variant.price",
    ),
    FlagFilter(
        "in_stock",
        _("Availability"),
        sql="product.in_stock",
        label=_("In stock only"),
        variant_sql="variant.in_stock",
    ),
    OptionFilter("option", _("Options")),
]
"""All filters, in the order of the page. `search.request.Filters` holds the values of a request."""


def faceted_filters() -> list[FacetedFilter]:
    """Returns the filters that have a facet, in the order of FILTERS."""
    return [declared for declared in FILTERS if isinstance(declared, FacetedFilter)]


def filter_condition(filters: Mapping[str, Any], left_out: Sequence[int] = ()) -> ProductCondition:
    """Returns the condition that a product is visible, passes `filters` and has none of the ids
    `left_out`.

    The price and the stock of a product with variants are those of one of its variants. So it
    passes if they do, and else if another variant passes. Without filters that other variants may
    pass, the condition reads catalog_product alone.

    The values are literals, because the best plan depends on them. Execute the statement with a
    list of parameters, even an empty one, because each `%` in a literal is doubled."""
    about_variants = [f for f in FILTERS if any(f.variant_conditions(filters))]
    others = [f for f in FILTERS if f not in about_variants]
    hints = partial(_hints, filters)
    always = [SQL("product.is_visible"), *(c for f in others for c in f.conditions(filters))]
    if left_out:
        always.append(SQL("product.id <> ALL({})").format(literal(list(left_out))))
    by_product = [c for f in about_variants for c in f.conditions(filters)]
    if all(f.is_decided_by_product(filters) for f in about_variants):
        return ProductCondition.of(_all([*always, *by_product]), hints)
    itself, variant = _all(by_product), _a_variant_passes(filters)
    if SQL("false") in by_product:
        return ProductCondition.of(_all([*always, variant]), hints)
    return ProductCondition(
        _all([*always, SQL("(({}) OR {})").format(itself, variant)]),
        (
            _all([*always, itself]),
            _all([*always, SQL("({}) IS NOT TRUE").format(itself), variant]),
        ),
        hints,
    )


def _hints(filters: Mapping[str, Any]) -> tuple[Hint, ...]:
    return tuple(hint for declared in FILTERS for hint in declared.hints(filters))


def variant_condition(filters: Mapping[str, Any]) -> Composable:
    """Returns the SQL condition that `variant`, a row of catalog_variant, passes `filters`."""
    conditions = [c for f in FILTERS for c in f.variant_conditions(filters)]
    return _all(conditions) if conditions else SQL("true")


def _a_variant_passes(filters: Mapping[str, Any]) -> Composable:
    return SQL(
        "EXISTS (SELECT FROM catalog_variant variant WHERE variant.product_id = product.id AND {})"
    ).format(variant_condition(filters))


def _all(conditions: Iterable[Composable]) -> Composable:
    return SQL(" AND ").join(conditions)
