"""The kinds of filters. Each defines its parameters, its SQL conditions and its facet."""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, TypeAlias

from django.db import connection
from psycopg.sql import SQL, Composable, Identifier, Literal

from catalog.index.search_statement import Hint
from catalog.index.stores.product_attributes import CATEGORY, TAG
from catalog.models import Category, Tag
from catalog.models.product import in_active_language

if TYPE_CHECKING:
    from django.utils.functional import _StrPromise

MAX_VALUES = 50  # of one filter
VALUES_PER_FACET = 20

Text: TypeAlias = "str | _StrPromise"  # a promise is translated when it is shown


@dataclass(frozen=True)
class Filter(ABC):
    """A filter. `name` names its parameter and its facet. `legend` is its title on the page."""

    name: str
    legend: Text

    @property
    def parameters(self) -> dict[str, Text]:
        """Returns the names of the parameters with the labels of their fields on the page."""
        return {self.name: self.legend}

    @abstractmethod
    def conditions(self, values: Mapping[str, Any]) -> Iterator[Composable]:
        """Yields conditions on `product`, a row of catalog_product. A product passes the filter if
        it fulfils all of them. `values` holds the values of a request by parameter, without the
        absent ones."""

    def variant_conditions(self, values: Mapping[str, Any]) -> Iterator[Composable]:
        """Yields the same conditions on `variant`, a row of catalog_variant. A product with
        variants passes if one of them fulfils those of all filters. A filter that is about whole
        products yields none."""
        return iter(())

    def hints(self, values: Mapping[str, Any]) -> Iterator[Hint]:
        """Yields what is true of all products that pass (`catalog.index.search_statement.Hint`)."""
        return iter(())

    def is_decided_by_product(self, values: Mapping[str, Any]) -> bool:
        """Returns whether `conditions` alone find the products with a variant that fulfils
        `variant_conditions`."""
        return False


@dataclass(frozen=True)
class FacetedFilter(Filter):
    """A filter with a facet: an overview of its values among the products that match."""

    @abstractmethod
    def facet_sql(self, relation: str, variants: Composable) -> Composable:
        """Returns the facet over the products of `relation` as an SQL expression of type json.
        `search.retrieval.facets.facets_sql` lists the columns of `relation`. `variants` is a
        condition on `variant`, a row of catalog_variant, for facets about variants."""

    @abstractmethod
    def facet(self, counted: Any) -> Any:
        """Returns the facet of the public contract from the value of `facet_sql`, or from None if
        no product matched."""


@dataclass(frozen=True, kw_only=True)
class ChoiceFilter(FacetedFilter):
    """A filter with values to choose from. A request has at most `max_values` of them, each of at
    most `max_length` characters. The facet counts the most frequent values."""

    max_values: int = MAX_VALUES
    max_length: int = 200
    values_in_facet: int = VALUES_PER_FACET
    model: ClassVar[type[Category] | type[Tag] | None] = None  # whose slugs the values are

    @abstractmethod
    def facet_rows(self, relation: str, variants: Composable) -> Composable:
        """Returns a query for the most frequent values, with the columns slug, name, name_ru and
        count."""

    def facet_sql(self, relation: str, variants: Composable) -> Composable:
        return SQL("(SELECT json_agg(value) FROM ({} LIMIT {}) value)").format(
            self.facet_rows(relation, variants), Literal(self.values_in_facet)
        )

    def find_problem(self, value: str) -> "Text | None":
        """Says what is wrong with a value of a request, or returns None."""
        return None

    def facet(self, counted: Any) -> list[dict[str, Any]]:
        """Returns the most frequent values first, with labels in the language of the request."""
        return [
            {
                "value": value["slug"],
                "label": in_active_language(value["name"], value["name_ru"]),
                "count": value["count"],
            }
            for value in counted or ()
        ]

    def labels(self, values: set[str]) -> dict[str, str]:
        """Returns the labels of slugs in the language of the request. Values that are no slugs have
        no label."""
        rows = self.model.objects.filter(slug__in=values) if self.model else ()
        return {row.slug: row.label for row in rows}


@dataclass(frozen=True, kw_only=True)
class ValuesFilter(ChoiceFilter):
    """Passes products that have one of the chosen values. `sql` is an SQL expression over `product`
    for the product's value, `attribute` the name of that value in `product_attributes`, if it is
    there. `in_candidates`: see `_products`."""

    sql: str
    in_candidates: bool = False
    attribute: str = ""

    def conditions(self, values: Mapping[str, Any]) -> Iterator[Composable]:
        if chosen := values.get(self.name):
            yield SQL("({}) = ANY({})").format(SQL(self.sql), literal(list(chosen)))

    def hints(self, values: Mapping[str, Any]) -> Iterator[Hint]:
        if self.attribute and values.get(self.name):
            yield Hint(self.attribute, tuple(values[self.name]))

    def facet_rows(self, relation: str, variants: Composable) -> Composable:
        return SQL("""
            SELECT {sql} AS slug, {sql} AS name, '' AS name_ru, count(*) AS count
            FROM {products} WHERE ({sql}) <> '' GROUP BY 1 ORDER BY count DESC, 1
        """).format(sql=SQL(self.sql), products=_products(relation, self.in_candidates))


@dataclass(frozen=True, kw_only=True)
class CategoryFilter(ChoiceFilter):
    """Passes products in one of the chosen categories or in a category below it."""

    model = Category

    def conditions(self, values: Mapping[str, Any]) -> Iterator[Composable]:
        if slugs := values.get(self.name):
            subtree = Category.objects.subtree_ids(list(slugs))
            yield SQL("product.category_id = ANY({})").format(literal(subtree))

    def hints(self, values: Mapping[str, Any]) -> Iterator[Hint]:
        if slugs := values.get(self.name):
            yield Hint(CATEGORY, tuple(Category.objects.subtree_ids(list(slugs))))

    def facet_rows(self, relation: str, variants: Composable) -> Composable:
        return SQL("""
            SELECT category.slug, category.name, category.name_ru, count(*) AS count
            FROM {} product JOIN catalog_category category ON category.id = product.category_id
            GROUP BY category.id ORDER BY count DESC, category.id
        """).format(Identifier(relation))


@dataclass(frozen=True, kw_only=True)
class TagFilter(ChoiceFilter):
    """Passes products that have one of the chosen tags."""

    model = Tag
    max_length: int = 100

    def conditions(self, values: Mapping[str, Any]) -> Iterator[Composable]:
        if slugs := values.get(self.name):
            yield SQL(
                "EXISTS (SELECT FROM catalog_producttag link JOIN catalog_tag tag"
                " ON tag.id = link.tag_id"
                " WHERE link.product_id = product.id AND tag.slug = ANY({}))"
            ).format(literal(list(slugs)))

    def hints(self, values: Mapping[str, Any]) -> Iterator[Hint]:
        if slugs := values.get(self.name):
            yield Hint(TAG, tuple(slugs))

    def facet_rows(self, relation: str, variants: Composable) -> Composable:
        return SQL("""
            SELECT tag.slug, tag.name, tag.name_ru, frequent.count
            FROM (SELECT tag_id, count(*) AS count FROM {} CROSS JOIN unnest(tags) tag_id
                GROUP BY tag_id ORDER BY count DESC, tag_id LIMIT {}) frequent
            JOIN catalog_tag tag ON tag.id = frequent.tag_id ORDER BY count DESC, tag.id
        """).format(Identifier(relation), Literal(VALUES_PER_FACET))


@dataclass(frozen=True, kw_only=True)
class RangeFilter(FacetedFilter):
    """Passes products with a number in a range that includes its ends. `sql` is an SQL expression
    over `product` for the product's number; `variant_sql`, if any, is one over `variant` for that
    of a variant. `ends` holds the parameters and labels of the lower and
    the upper end. The page shows `empty_error` if the lower end is above the upper one.
    `in_candidates`: see `_products`. The facet holds the smallest and the largest number."""

    sql: str
    ends: dict[str, Text]
    empty_error: Text
    in_candidates: bool = False
    variant_sql: str = ""

    @property
    def parameters(self) -> dict[str, Text]:
        return self.ends

    def conditions(self, values: Mapping[str, Any]) -> Iterator[Composable]:
        return self._compare(self.sql, values)

    def variant_conditions(self, values: Mapping[str, Any]) -> Iterator[Composable]:
        return self._compare(self.variant_sql, values) if self.variant_sql else iter(())

    def _compare(self, number: str, values: Mapping[str, Any]) -> Iterator[Composable]:
        for name, operator in zip(self.parameters, (SQL(">="), SQL("<=")), strict=True):
            if name in values:
                yield SQL("({}) {} {}").format(SQL(number), operator, literal(values[name]))

    def facet_sql(self, relation: str, variants: Composable) -> Composable:
        return SQL(
            "(SELECT json_build_object('min', min({sql}), 'max', max({sql})) FROM {products})"
        ).format(sql=SQL(self.sql), products=_products(relation, self.in_candidates))

    def facet(self, counted: Any) -> dict[str, Any]:
        return counted or {"min": None, "max": None}


@dataclass(frozen=True, kw_only=True)
class FlagFilter(Filter):
    """Passes products whose flag has the chosen value. `sql` is an SQL expression over `product`
    for the flag. `label` is the text of the page's checkbox; a checked box means true.
    `variant_sql`, if any, is an expression over `variant`. The product's flag is then true if that
    of any variant is."""

    sql: str
    label: Text
    variant_sql: str = ""

    @property
    def parameters(self) -> dict[str, Text]:
        return {self.name: self.label}

    def conditions(self, values: Mapping[str, Any]) -> Iterator[Composable]:
        if self.name in values:
            yield SQL("({}) = {}").format(SQL(self.sql), literal(values[self.name]))

    def variant_conditions(self, values: Mapping[str, Any]) -> Iterator[Composable]:
        if self.variant_sql and self.name in values:
            yield SQL("({}) = {}").format(SQL(self.variant_sql), literal(values[self.name]))

    def is_decided_by_product(self, values: Mapping[str, Any]) -> bool:
        return values.get(self.name) is True


def literal(value: Any) -> Composable:
    """Returns a value as an SQL literal for a statement that is executed with parameters: each `%`
    is doubled."""
    text: str = connection.ops.compose_sql("%s", [value])  # type: ignore[attr-defined]
    return SQL(text.replace("%", "%%"))


def _products(relation: str, in_candidates: bool) -> Composable:
    """Returns the products of `relation` as an SQL FROM item with the name `product`.
    `in_candidates`: `relation` has all columns that the facet reads, so catalog_product is not read
    again."""
    if in_candidates:
        return SQL("{} product").format(Identifier(relation))
    return SQL(
        "{} candidate JOIN catalog_product product ON product.id = candidate.product_id"
    ).format(Identifier(relation))
