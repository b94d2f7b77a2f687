"""Product exports of WooCommerce, by
https://github.com/woocommerce/woocommerce/wiki/Product-CSV-Import-Schema. The names of columns are
the English ones."""

import html
import re
from collections.abc import Sequence
from typing import ClassVar

from catalog.importing.formats.feed import FeedOptions, Row, attributes
from catalog.importing.formats.prices import read_date
from catalog.importing.formats.tables import RowFeed, Table, normalise_column
from catalog.importing.formats.texts import (
    deepest_first,
    join_category,
    join_texts,
    one_line,
    read_flag,
    split_escaped,
)
from catalog.importing.records import OTHER_CATEGORIES

Values = dict[str, str]
_ATTRIBUTE = re.compile(r"attribute (\d+) (name|value\(s\))")
_ESCAPED_FORMULA = re.compile(r"^'(?=[=+@\t\r-])")  # as WooCommerce writes it for spreadsheets
# WooCommerce escapes line breaks, and a backslash before n.
_LINE_BREAK = re.compile(r"\\(\\n|n)")
_MEASURES = re.compile(r"(weight|length|width|height) \(\w+\)")


class WooCommerce(RowFeed):
    """A row of the type "variable" describes a group, rows of the type "variation" are its
    variants. A product without an SKU gets `id:` and its ID, as WooCommerce names its parent."""

    format: ClassVar[str] = "woocommerce"
    columns: ClassVar[dict[str, str]] = {
        **{name: name for name in ("id", "type", "sku", "published", "description", "parent")},
        **{"name": "title", "visibility in catalog": "visibility"},
        **{"short description": "short", "in stock?": "in_stock", "stock": "stock"},
        **{"date sale price starts": "begins", "date sale price ends": "ends"},
        **{"sale price": "sale_price", "regular price": "price", "categories": "category"},
        **{"tags": "keywords", "images": "images", "brands": "brand"},
        **{"external url": "url", "gtin, upc, ean, or isbn": "gtin"},
    }
    meanings: ClassVar[dict[str, str]] = {
        **{"id": "sku", "type": "is_group", "published": "is_visible", "parent": "group"},
        **{"visibility": "is_visible", "short": "description", "stock": "in_stock"},
        **{"begins": "price", "ends": "price", "sale_price": "price", "gtin": "attribute"},
    }
    price_columns: tuple[str, ...] = ("price", "sale_price")

    def __init__(self, table: Table, options: FeedOptions) -> None:
        super().__init__(table, options)
        self._skus: dict[str, str] = {}  # `id:` and the ID of a group -> its SKU

    @classmethod
    def recognises(cls, header: Sequence[str]) -> bool:
        names = {normalise_column(name) for name in header}
        own = {"visibility in catalog", "regular price", "is featured?", "in stock?"}
        return {"sku", "name"} <= names and len(own & names) >= 2

    def _name(self, column: str) -> str:
        name = normalise_column(column)
        if _ATTRIBUTE.fullmatch(name) or _MEASURES.fullmatch(name):
            return name
        return super()._name(column)

    def _meaning(self, name: str) -> str:
        if _MEASURES.fullmatch(name):
            return "attribute"
        return "option or attribute" if _ATTRIBUTE.fullmatch(name) else super()._meaning(name)

    def _product(self, line: int, values: Values) -> Row | None:
        values = _without_escapes(values)
        kinds = [kind.strip() for kind in values.get("type", "").lower().split(",")]
        is_variation, is_group = "variation" in kinds, "variable" in kinds
        sku = values.get("sku") or (f"id:{values['id']}" if values.get("id") else "")
        parent = values.get("parent", "")
        group = self._skus.get(parent, parent) if is_variation else sku if is_group else ""
        if is_group:
            self._skus[f"id:{values.get('id', '')}"] = sku
        described = _attributes(values)
        options = {name: ", ".join(words) for name, words in described.items()}
        described = {} if is_variation and group else described
        category, others = _categories(values.get("category", ""))
        return {
            **attributes({name: w if len(w) > 1 else w[0] for name, w in described.items()}),
            **{name: text for name, text in values.items() if _MEASURES.fullmatch(name)},
            "gtin": values.get("gtin", ""),
            OTHER_CATEGORIES: others,
            "sku": sku,
            "title": one_line(values.get("title", "")),
            "description": _description(values),
            "brand": one_line(", ".join(split_escaped(values.get("brand", ""), ","))),
            "category": category,
            "keywords": [one_line(word) for word in split_escaped(values.get("keywords", ""), ",")],
            "url": values.get("url", ""),
            "images": split_escaped(values.get("images", ""), ","),
            "in_stock": _is_in_stock(values),
            "is_visible": _is_visible(values),
            "group": group,
            "is_group": is_group or None,
            "options": options if is_variation and group else {},
            **self.price_fields(
                values.get("price", ""),
                values.get("sale_price", ""),
                read_date(values.get("begins", "")),
                read_date(values.get("ends", ""), is_end=True),
                self.decimal_mark,
            ),
        }


def _without_escapes(values: Values) -> Values:
    return {
        name: _ESCAPED_FORMULA.sub("", text) if text.startswith("'") else text
        for name, text in values.items()
    }


def _attributes(values: Values) -> dict[str, list[str]]:
    """Returns the values of each attribute of a row by its name."""
    found: dict[str, list[str]] = {}
    for column, name in values.items():
        match = _ATTRIBUTE.fullmatch(column)
        if match and match[2] == "name" and name:
            words = split_escaped(values.get(f"attribute {match[1]} value(s)", ""), ",")
            if words:
                found[one_line(name)] = [one_line(word) for word in words]
    return found


def _is_visible(values: Values) -> bool:
    is_hidden = values.get("visibility", "").lower() == "hidden"
    return values.get("published", "1") in ("1", "") and not is_hidden


def _description(values: Values) -> str:
    texts = (values.get(name, "") for name in ("short", "description"))
    return join_texts(*(_LINE_BREAK.sub(_unescape_break, text) for text in texts))


def _unescape_break(escaped: re.Match[str]) -> str:
    return "\n" if escaped[1] == "n" else "\\n"


def _categories(text: str) -> tuple[str, list[str]]:
    """Returns the path of the category, and other paths. Names may hold an escaped comma, and
    `&gt;`."""
    paths = [path.split(">") for path in split_escaped(text, ",")]
    return deepest_first([join_category([html.unescape(name) for name in path]) for path in paths])


def _is_in_stock(values: Values) -> bool | None:
    """Returns whether pieces are there. A product on backorder has none."""
    text = values.get("in_stock", "") or values.get("stock", "")
    return bool(read_flag(text)) if text not in ("", "parent") else None
