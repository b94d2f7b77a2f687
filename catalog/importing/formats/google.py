"""Google Merchant: RSS 2.0, Atom and TSV, by https://support.google.com/merchants/answer/7052112."""

from collections.abc import Sequence
from datetime import datetime
from typing import ClassVar

from catalog.importing.formats.feed import Feed, Row, attributes
from catalog.importing.formats.prices import read_period
from catalog.importing.formats.tables import RowFeed, normalise_column
from catalog.importing.formats.texts import (
    html_to_text,
    one_line,
    split_category,
    split_images,
)
from catalog.importing.formats.xml_stream import Element, XmlFeed, local_name, text_of
from catalog.importing.records import RecordError

Values = dict[str, list[str]]
_FIELDS = {
    **{"id": "sku", "title": "title", "description": "description", "link": "url"},
    **{"image_link": "images", "additional_image_link": "images", "availability": "in_stock"},
    **{"price": "price", "sale_price": "price", "sale_price_effective_date": "price"},
    **{"brand": "brand", "product_type": "category", "item_group_id": "group"},
    **{"google_product_category": "google_product_category", "summary": "description"},
    **{"content": "description"},
}
_OPTIONS = {"color": "Color", "size": "Size", "material": "Material", "pattern": "Pattern"}
_ATTRIBUTES = (
    *("gtin", "mpn", "condition", "gender", "age_group", "size_type", "size_system"),
    *("product_highlight", "energy_efficiency_class", "product_length", "product_width"),
    *("product_height", "product_weight"),
)
_DETAIL = "product_detail"
_MEANINGS = {
    **_FIELDS,
    **dict.fromkeys(_OPTIONS, "option or attribute"),
    **dict.fromkeys(_ATTRIBUTES, "attribute"),
    _DETAIL: "attribute",
}
_IN_STOCK = {"in_stock", "limited_availability", "available_for_order"}


def _google_row(feed: Feed, line: int, values: Values, decimal_mark: str = "") -> Row:
    """Turns Google's attributes, by name, into a row."""
    first = {name: next((text for text in texts if text), "") for name, texts in values.items()}
    google_category = one_line(first.get("google_product_category", ""))
    path = first.get("product_type") or ("" if google_category.isdigit() else google_category)
    description = first.get("description") or first.get("summary") or first.get("content", "")
    availability = first.get("availability", "").lower().replace(" ", "_")
    group = first.get("item_group_id", "")
    varying = {option: one_line(first.get(name, "")) for name, option in _OPTIONS.items()}
    varying = {option: text for option, text in varying.items() if text}
    described = {name: _attribute(values[name]) for name in _ATTRIBUTES if values.get(name)}
    begins, ends = _sale_period(feed, line, first.get("sale_price_effective_date", ""))
    return {
        **described,
        **({} if group else {option.lower(): text for option, text in varying.items()}),
        "google_product_category": google_category,
        "sku": first.get("id", ""),
        "title": one_line(first.get("title", "")),
        "description": html_to_text(description),
        "brand": one_line(first.get("brand", "")),
        "category": split_category(path),
        "url": first.get("link", ""),
        "images": _images(values),
        "in_stock": availability in _IN_STOCK if availability else None,
        "group": group,
        "options": varying if group else {},
        **feed.price_fields(
            first.get("price", ""),
            first.get("sale_price", ""),
            begins,
            ends,
            decimal_mark,
        ),
    }


def _sale_period(feed: Feed, line: int, text: str) -> tuple[datetime | None, datetime | None]:
    """Reads the period of a sale. A period that cannot be read means that the sale is over."""
    try:
        return read_period(text)
    except RecordError as error:
        feed.note(line, f"{error}; the sale price is left out")
        return None, feed.options.now


def _images(values: Values) -> list[str]:
    """Returns the main image and the additional ones, once each."""
    texts = [*values.get("image_link", []), *values.get("additional_image_link", [])]
    return list(dict.fromkeys(image for text in texts for image in split_images(text)))


def _attribute(texts: Sequence[str]) -> str | list[str]:
    words = [text for text in map(one_line, texts) if text]
    return words if len(words) > 1 else "".join(words)


class GoogleXml(XmlFeed):
    """RSS (`item`) and Atom (`entry`). Names are compared without their namespace."""

    format: ClassVar[str] = "google"
    elements: ClassVar[tuple[str, ...]] = ("item", "entry")

    def _product(self, line: int, element: Element) -> Row | None:
        values: Values = {}
        details: dict[str, str] = {}
        for child in element.iterchildren("*"):
            name = local_name(child)
            if name not in _MEANINGS:
                self._ignore(name)
                continue
            self._understand(name, _MEANINGS[name])
            if name == _DETAIL:
                parts = {local_name(part): text_of(part) for part in child.iterchildren("*")}
                details[one_line(parts.get("attribute_name", ""))] = one_line(
                    parts.get("attribute_value", "")
                )
            elif name == "link":
                values.setdefault(name, []).append(text_of(child) or child.get("href", ""))
            else:
                values.setdefault(name, []).append(text_of(child))
        if not values:
            return None
        details.pop("", None)
        return attributes(details) | _google_row(self, line, values)


class GoogleTable(RowFeed):
    """The text format: tab-separated, with the attributes as columns."""

    format: ClassVar[str] = "google"
    columns: ClassVar[dict[str, str]] = {
        normalise_column(name): name for name in _MEANINGS if name != _DETAIL
    }
    meanings: ClassVar[dict[str, str]] = _MEANINGS
    price_columns: tuple[str, ...] = ("price", "sale_price")

    @classmethod
    def recognises(cls, header: Sequence[str]) -> bool:
        names = {cls.columns.get(_without_prefix(name)) for name in header}
        return {"id", "title"} <= names and bool({"image_link", "availability"} & names)

    def _name(self, column: str) -> str:
        return self.columns.get(_without_prefix(column), "")

    def _product(self, line: int, values: dict[str, str]) -> Row | None:
        lists = {name: [text] for name, text in values.items() if text}
        return _google_row(self, line, lists, self.decimal_mark)


def _without_prefix(column: str) -> str:
    return normalise_column(column).removeprefix("g:")
