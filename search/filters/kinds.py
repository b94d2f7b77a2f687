"""The kinds of filters: the parameters of each, its SQL conditions and its facet."""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, TypeAlias

from django.db import connection
from psycopg.sql import SQL, Composable, Identifier, Literal

from catalog.models import Category, Tag
from catalog.models.product import in_active_language

if TYPE_CHECKING:
    from django.utils.functional import _StrPromise

MAX_VALUES = 50  # of one filter
MAX_TAGS = 20  # each tag is a condition of its own: planning 50 takes 0.2 s
VALUES_PER_FACET = 20

Text: TypeAlias = "str | _StrPromise"  # a promise is translated when it is shown


@dataclass(frozen=True)
class Filter(ABC):
    """A filter. `name` is the name of its parameter and of its facet, `legend` its title on the
    page."""

    name: str
    legend: Text
    has_facet: ClassVar[bool] = True

    @property
    def parameters(self) -> dict[str, Text]:
        """The names of the parameters, and the labels of their fields on the page."""
        return {self.name: self.legend}

    @abstractmethod
    def conditions(self, given: Mapping[str, Any]) -> Iterator[Composable]:
        """Conditions on `product`, the table catalog_product, all of which must hold. `given` has
        the values of a request by the names of the parameters, and no key for an absent value."""

    def facet_sql(self, relation: str) -> Composable:
        """The facet over the products of `relation`, as an SQL expression of type json. The columns
        of `relation` are those of `search/retrieval/facets.py:facets_sql`."""
        raise NotImplementedError

    def facet(self, counted: Any) -> Any:
        """The facet of the public contract, from the value of `facet_sql`, or from None if nothing
        matched."""
        raise NotImplementedError


@dataclass(frozen=True, kw_only=True)
class ChoiceFilter(Filter):
    """A filter by values to choose from: at most `max_values`, each of at most `max_length`
    characters. Its facet counts the most frequent values."""

    max_values: int = MAX_VALUES
    max_length: int = 200
    model: ClassVar[type[Category] | type[Tag] | None] = None  # whose slugs the values are

    @abstractmethod
    def facet_rows(self, relation: str) -> Composable:
        """A query of the most frequent values: their slug, name, Russian name and count."""

    def facet_sql(self, relation: str) -> Composable:
        return SQL("(SELECT json_agg(value) FROM ({} LIMIT {}) value)").format(
            self.facet_rows(relation), Literal(VALUES_PER_FACET)
        )

    def facet(self, counted: Any) -> list[dict[str, Any]]:
        """The most frequent values first, labelled in the language of the request."""
        return [
            {
                "value": value["slug"],
                "label": in_active_language(value["name"], value["name_ru"]),
                "count": value["count"],
            }
            for value in counted or ()
        ]

    def labels(self, values: set[str]) -> dict[str, str]:
        """The labels of slugs in the language of the request. Other values are their own labels."""
        rows = self.model.objects.filter(slug__in=values) if self.model else ()
        return {row.slug: row.label for row in rows}


@dataclass(frozen=True, kw_only=True)
class ValuesFilter(ChoiceFilter):
    """The product has one of the given values. `sql` is the value of a product, an expression over
    `product`. `in_candidates`: see `_products`."""

    sql: str
    in_candidates: bool = False

    def conditions(self, given: Mapping[str, Any]) -> Iterator[Composable]:
        if values := given.get(self.name):
            yield SQL("({}) = ANY({})").format(SQL(self.sql), literal(list(values)))

    def facet_rows(self, relation: str) -> Composable:
        return SQL("""
            SELECT {sql} AS slug, {sql} AS name, '' AS name_ru, count(*) AS count
            FROM {products} WHERE ({sql}) <> '' GROUP BY 1 ORDER BY count DESC, 1
        """).format(sql=SQL(self.sql), products=_products(relation, self.in_candidates))


@dataclass(frozen=True, kw_only=True)
class CategoryFilter(ChoiceFilter):
    """The product is in one of the given categories, or in a category below one."""

    model = Category

    def conditions(self, given: Mapping[str, Any]) -> Iterator[Composable]:
        if slugs := given.get(self.name):
            subtree = Category.objects.subtree_ids(list(slugs))
            yield SQL("product.category_id = ANY({})").format(literal(subtree))

    def facet_rows(self, relation: str) -> Composable:
        return SQL("""
            SELECT category.slug, category.name, category.name_ru, count(*) AS count
            FROM {} product JOIN catalog_category category ON category.id = product.category_id
            GROUP BY category.id ORDER BY count DESC, category.id
        """).format(Identifier(relation))


@dataclass(frozen=True, kw_only=True)
class TagFilter(ChoiceFilter):
    """The product has all of the given tags."""

    model = Tag
    max_values: int = MAX_TAGS
    max_length: int = 100

    def conditions(self, given: Mapping[str, Any]) -> Iterator[Composable]:
        for slug in given.get(self.name, ()):
            yield SQL(
                "EXISTS (SELECT FROM catalog_producttag given JOIN catalog_tag tag"
                " ON tag.id = given.tag_id WHERE given.product_id = product.id AND tag.slug = {})"
            ).format(literal(slug))

    def facet_rows(self, relation: str) -> Composable:
        return SQL("""
            SELECT tag.slug, tag.name, tag.name_ru, given.count
            FROM (SELECT tag_id, count(*) AS count FROM {} CROSS JOIN unnest(tags) tag_id
                GROUP BY tag_id ORDER BY count DESC, tag_id LIMIT {}) given
            JOIN catalog_tag tag ON tag.id = given.tag_id ORDER BY count DESC, tag.id
        """).format(Identifier(relation), Literal(VALUES_PER_FACET))


@dataclass(frozen=True, kw_only=True)
class RangeFilter(Filter):
    """The number of the product is between two given ends, inclusive. `sql` is the number, an
    expression over `product`. `ends` has the parameters and labels of the lower and the upper end.
    The page says `empty_error` if the lower end is above the upper one. `in_candidates`: see
    `_products`. The facet has the smallest and the largest number."""

    sql: str
    ends: dict[str, Text]
    empty_error: Text
    in_candidates: bool = False

    @property
    def parameters(self) -> dict[str, Text]:
        return self.ends

    def conditions(self, given: Mapping[str, Any]) -> Iterator[Composable]:
        for name, operator in zip(self.parameters, (SQL(">="), SQL("<=")), strict=True):
            if name in given:
                yield SQL("({}) {} {}").format(SQL(self.sql), operator, literal(given[name]))

    def facet_sql(self, relation: str) -> Composable:
        return SQL(
            "(SELECT json_build_object('min', min({sql}), 'max', max({sql})) FROM {products})"
        ).format(sql=SQL(self.sql), products=_products(relation, self.in_candidates))

    def facet(self, counted: Any) -> dict[str, Any]:
        return counted or {"min": None, "max": None}


@dataclass(frozen=True, kw_only=True)
class FlagFilter(Filter):
    """The flag of the product is as given. `sql` is the flag, an expression over `product`. `label`
    is the text of the page's checkbox, which means true."""

    sql: str
    label: Text
    has_facet = False

    @property
    def parameters(self) -> dict[str, Text]:
        return {self.name: self.label}

    def conditions(self, given: Mapping[str, Any]) -> Iterator[Composable]:
        if self.name in given:
            yield SQL("({}) = {}").format(SQL(self.sql), literal(given[self.name]))


def literal(value: Any) -> Composable:
    """A value as an SQL literal in a statement that is executed with parameters: `%` is doubled."""
    text: str = connection.ops.compose_sql("%s", [value])  # type: ignore[attr-defined]
    return SQL(text.replace("%", "%%"))


def _products(relation: str, in_candidates: bool) -> Composable:
    """The products of `relation` under the name `product`. `in_candidates`: whether `relation` has
    the columns that the facet reads, so that it need not read catalog_product again."""
    if in_candidates:
        return SQL("{} product").format(Identifier(relation))
    return SQL(
        "{} candidate JOIN catalog_product product ON product.id = candidate.product_id"
    ).format(Identifier(relation))
