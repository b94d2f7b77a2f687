"""The facets of a search. The search statement counts them over the products that match."""

from collections.abc import Mapping
from typing import Any

from psycopg.sql import SQL, Composable, Literal

from search.filters.declared import faceted_filters, variant_condition
from search.filters.options import OptionFilter


def facets_sql(relation: str, filters: Mapping[str, Any]) -> Composable:
    """Returns an SQL expression of the facets: a JSON object that `read_facets` reads. The facets
    count over the products of `relation`, which has the columns product_id, category_id, brand,
    price and tags. Options count if a variant has them that passes all other `filters`."""
    options = {f.name for f in faceted_filters() if isinstance(f, OptionFilter)}
    others = {name: value for name, value in filters.items() if name not in options}
    variants = variant_condition(others)
    facets = [(Literal(f.name), f.facet_sql(relation, variants)) for f in faceted_filters()]
    pairs = SQL(", ").join(SQL("{}, {}").format(*facet) for facet in facets)
    return SQL("json_build_object({})").format(pairs)


def read_facets(counted: dict[str, Any] | None) -> dict[str, Any]:
    """Returns the facets of the public contract from the value of `facets_sql`, or from None if no
    product matched."""
    counted = counted or {}
    return {f.name: f.facet(counted.get(f.name)) for f in faceted_filters()}
