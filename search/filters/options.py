"""The filter by options of variants, such as their size and colour."""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext_lazy as _
from psycopg.sql import SQL, Composable, Identifier
from psycopg.types.json import Jsonb

from catalog.index.search_statement import Hint
from catalog.index.stores.product_attributes import OPTION
from search.filters.kinds import ChoiceFilter, Text, literal

MAX_OPTION_LENGTH = 301  # characters of `name:value`, as imports limit them
OPTIONS_IN_FACET = 50


@dataclass(frozen=True, kw_only=True)
class OptionFilter(ChoiceFilter):
    """Passes products with a variant that has the chosen options, each given as `name:value`.
    Values of one name are alternatives. Products without variants have no options."""

    max_length: int = MAX_OPTION_LENGTH
    values_in_facet: int = OPTIONS_IN_FACET

    def conditions(self, values: Mapping[str, Any]) -> Iterator[Composable]:
        if values.get(self.name):
            yield SQL("false")

    def variant_conditions(self, values: Mapping[str, Any]) -> Iterator[Composable]:
        for name, alternatives in self._alternatives(values).items():
            contained = [
                SQL("variant.options @> {}").format(literal(Jsonb({name: value})))
                for value in alternatives
            ]
            yield SQL("({})").format(SQL(" OR ").join(contained))

    def hints(self, values: Mapping[str, Any]) -> Iterator[Hint]:
        for name, alternatives in self._alternatives(values).items():
            yield Hint(OPTION, tuple(f"{name}:{value}" for value in alternatives))

    def _alternatives(self, values: Mapping[str, Any]) -> dict[str, list[str]]:
        """Returns the chosen values of each name."""
        alternatives: dict[str, list[str]] = defaultdict(list)
        for chosen in values.get(self.name, ()):
            name, value = split_option(chosen)
            alternatives[name].append(value)
        return alternatives

    def facet_rows(self, relation: str, variants: Composable) -> Composable:
        """Counts products. Returns a query that reads nothing if there are no variants at all."""
        return SQL("""
            SELECT name || ':' || value AS slug, name || ': ' || value AS name, '' AS name_ru,
                count(DISTINCT variant.product_id) AS count
            FROM {} candidate JOIN catalog_variant variant USING (product_id)
            CROSS JOIN LATERAL jsonb_each_text(variant.options) AS option (name, value)
            WHERE (SELECT EXISTS (SELECT FROM catalog_variant)) AND {}
            GROUP BY option.name, option.value ORDER BY count DESC, 1
        """).format(Identifier(relation), variants)

    def labels(self, values: set[str]) -> dict[str, str]:
        return {value: ": ".join(split_option(value)) for value in values}

    def find_problem(self, value: str) -> "Text | None":
        name, text = split_option(value)
        return None if name and text else _("Write an option as name:value, such as size:M.")


def split_option(text: str) -> tuple[str, str]:
    """Returns the name and the value of an option given as `name:value`. Either is empty if it is
    missing."""
    name, _colon, value = text.partition(":")
    return name.strip(), value.strip()
