"""Tables with the names of Vitrina's own fields, or with the columns that a mapping file names."""

from collections.abc import Callable, Sequence
from typing import Any, ClassVar

from catalog.importing.errors import ImportFailed
from catalog.importing.formats.column_mapping import KNOWN_FIELDS, ColumnMapping
from catalog.importing.formats.feed import PRODUCT_FIELDS, FeedOptions, Row
from catalog.importing.formats.prices import read_date
from catalog.importing.formats.tables import RowFeed, Table, normalise_column
from catalog.importing.formats.texts import (
    html_to_text,
    join_category,
    one_line,
    read_flag,
    split_category,
    split_images,
    split_words,
)
from catalog.importing.records import RecordError

_OPTION_PREFIX = "option:"
_TEXTS = ("sku", "title", "title_ru", "brand", "currency", "group")
_FLAGS = ("in_stock", "is_visible", "is_group")
_PATHS = ("category", "category_ru")
_LISTS: dict[str, Callable[[str], list[str]]] = {"keywords": split_words, "images": split_images}


class OwnColumns(RowFeed):
    """A table that a mapping describes. Without a mapping, a column has the name of its field, or
    `option:Size` for the option "Size", and the other columns become attributes."""

    format: ClassVar[str] = "csv"

    def __init__(
        self, table: Table, options: FeedOptions, mapping: ColumnMapping | None = None
    ) -> None:
        self.mapping = mapping or mapping_by_names(table.header)
        if missing := self.mapping.missing_from(table.header):
            raise ImportFailed(
                f"{table.source.path.name}: the file has no column {missing[0]!r}, which the"
                f" mapping names. Its columns are: {', '.join(table.header)}."
            )
        self._used = self.mapping.used
        self.price_columns = tuple(
            column
            for name in ("price", "sale_price")
            for column in self.mapping.columns.get(name, ())
        )
        super().__init__(table, options)
        self.understood = {column: self._used[column] for column in self.understood}
        self._given = dict.fromkeys([*self.mapping.columns, *self.mapping.values])
        self._attributes = [name for name in self._given if name not in KNOWN_FIELDS]

    @classmethod
    def recognises(cls, header: Sequence[str]) -> bool:
        return "sku" in (normalise_column(name) for name in header)

    def _name(self, column: str) -> str:
        return column if column in self._used else ""

    def _product(self, line: int, values: dict[str, str]) -> Row | None:
        row: Row = {name: self._attribute(values, name) for name in self._attributes}
        given = self._given
        row.update((name, one_line(self._text(values, name))) for name in _TEXTS if name in given)
        row.update((name, self._flag(values, name)) for name in _FLAGS if name in given)
        row.update(
            (name, [item for text in self._texts(values, name) for item in split(text)])
            for name, split in _LISTS.items()
            if name in given
        )
        row["description"] = html_to_text("\n\n".join(self._texts(values, "description")))
        row["url"] = self._text(values, "url")
        row.update((name, self._category(values, name)) for name in _PATHS if name in given)
        if popularity := self._text(values, "popularity"):
            row["popularity"] = _read_count(popularity)
        row["options"] = {
            name: text
            for name, column in self.mapping.options.items()
            if (text := one_line(values[column]))
        }
        prices = self._prices(values)
        return row | {name: value for name, value in prices.items() if value != ""}

    def _prices(self, values: dict[str, str]) -> Row:
        return self.price_fields(
            self._text(values, "price"),
            self._text(values, "sale_price"),
            read_date(self._text(values, "sale_begins")),
            read_date(self._text(values, "sale_ends"), is_end=True),
            decimal_mark=self.decimal_mark,
        )

    def _texts(self, values: dict[str, str], name: str) -> list[str]:
        """Returns the texts of all columns of a field that are not empty, or its one value."""
        if name not in self._given:
            return []
        texts = [values[column] for column in self.mapping.columns.get(name, ())]
        return [text for text in texts if text] or [
            value for value in (self.mapping.values.get(name, ""),) if value
        ]

    def _text(self, values: dict[str, str], name: str) -> str:
        return " ".join(self._texts(values, name))

    def _attribute(self, values: dict[str, str], name: str) -> str | list[str]:
        texts = self._texts(values, name)
        return texts if len(texts) > 1 else "".join(texts)

    def _flag(self, values: dict[str, str], name: str) -> bool | None:
        text = self._text(values, name)
        flag = read_flag(text) if text else None
        if text and flag is None:
            raise RecordError(f"{name} {text[:50]!r} is neither yes nor no")
        return flag

    def _category(self, values: dict[str, str], name: str) -> str:
        texts = self._texts(values, name)
        if separator := self.mapping.separators.get(name):
            return join_category(texts[0].split(separator)) if texts else ""
        if len(self.mapping.columns.get(name, ())) > 1:
            return join_category(texts)
        return split_category(texts[0]) if texts else ""


def mapping_by_names(header: Sequence[str]) -> ColumnMapping:
    """Returns the mapping of a table whose columns are named after the fields."""
    mapping = ColumnMapping({})
    for column in header:
        name = normalise_column(column).replace(" ", "_")
        if column.lower().startswith(_OPTION_PREFIX):
            mapping.options.setdefault(column[len(_OPTION_PREFIX) :].strip(), column)
        elif column:
            mapping.columns.setdefault(name if name in KNOWN_FIELDS else column, (column,))
    return mapping


def describe_fields() -> str:
    return ", ".join(PRODUCT_FIELDS)


def _read_count(text: str) -> Any:
    try:
        return int(text)
    except ValueError:
        raise RecordError(f"popularity {text[:50]!r} is not a whole number") from None
