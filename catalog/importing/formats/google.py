"""Google Merchant: RSS 2.0, Atom and TSV, by https://support.google.com/merchants/answer/7052112."""

import re
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, ClassVar

from catalog.importing.formats.feed import Feed, Row, add_value, attributes
from catalog.importing.formats.prices import read_period
from catalog.importing.formats.tables import RowFeed, normalise_column
from catalog.importing.formats.texts import (
    html_to_text,
    one_line,
    split_category,
    split_images,
)
from catalog.importing.formats.xml_stream import Element, XmlFeed, local_name, text_of
from catalog.importing.records import OTHER_CATEGORIES, RecordError

Values = dict[str, list[str]]
_FIELDS = {
    **{"id": "sku", "title": "title", "description": "description", "link": "url"},
    **{"image_link": "images", "additional_image_link": "images", "availability": "in_stock"},
    **{"price": "price", "sale_price": "price", "sale_price_effective_date": "price"},
    **{"brand": "brand", "product_type": "category", "item_group_id": "group"},
    **{"google_product_category": "google_product_category", "summary": "description"},
    **{"content": "description", "structured_title": "title"},
    "structured_description": "description",
}
_OPTIONS = {"color": "Color", "size": "Size", "material": "Material", "pattern": "Pattern"}
_ATTRIBUTES = (
    *("gtin", "mpn", "condition", "gender", "age_group", "size_type", "size_system"),
    *("product_highlight", "energy_efficiency_class", "product_length", "product_width"),
    *("product_height", "product_weight"),
)
_DETAIL = "product_detail"
_DETAIL_PARTS = ("section_name", "attribute_name", "attribute_value")
_NAMESPACE = "base.google.com"
_MEANINGS = {
    **_FIELDS,
    **dict.fromkeys(_OPTIONS, "option or attribute"),
    **dict.fromkeys(_ATTRIBUTES, "attribute"),
    _DETAIL: "attribute",
}
_STRUCTURED = ("structured_title", "structured_description")  # of texts that a machine has written
_NEXT_DETAIL = re.compile(r",(?=[^,:]*:[^,:]+:)")
_IN_STOCK = {"in_stock", "limited_availability", "available_for_order"}


def _google_row(feed: Feed, line: int, values: Values, decimal_mark: str = "") -> Row:
    """Turns Google's attributes, by name, into a row."""
    first = {name: next((text for text in texts if text), "") for name, texts in values.items()}
    google_category = one_line(first.get("google_product_category", ""))
    paths = list(filter(None, values.get("product_type", [])))
    paths = paths or ["" if google_category.isdigit() else google_category]
    description = _first_of(first, "description", "structured_description", "summary", "content")
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
        OTHER_CATEGORIES: [split_category(path) for path in paths[1:]],
        "sku": first.get("id", ""),
        "title": one_line(_first_of(first, "title", "structured_title")),
        "description": html_to_text(description),
        "brand": one_line(first.get("brand", "")),
        "category": split_category(paths[0]),
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


def _first_of(texts: dict[str, str], *names: str) -> str:
    return next((texts[name] for name in names if texts.get(name)), "")


def _details(details: Iterable[Sequence[str]]) -> dict[str, Any]:
    """Returns attributes for details, each a section, a name and a value. If two sections have the
    same name, the second one stands before it."""
    sections: dict[str, str] = {}
    named: dict[str, Any] = {}
    for section, name, value in (map(one_line, detail) for detail in details):
        is_taken = sections.setdefault(name, section) != section
        if name:
            add_value(named, f"{section}: {name}" if is_taken and section else name, value)
    return attributes(named)


def _split_details(text: str) -> list[list[str]]:
    """Reads `General:Material:Oak,General:Weight:3 kg`."""
    parts = (part.strip(' "').split(":", 2) for part in _NEXT_DETAIL.split(text))
    return [part for part in parts if len(part) == 3]


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
        others: Values = {}  # of RSS and Atom
        details: list[Sequence[str]] = []
        for child in element.iterchildren("*"):
            name = local_name(child)
            if name not in _MEANINGS:
                self._ignore(name)
                continue
            self._understand(name, _MEANINGS[name])
            if name == _DETAIL:
                parts = _parts(child)
                detail = [parts.get(part, "") for part in _DETAIL_PARTS]
                details += [detail] if parts else _split_details(text_of(child))
                continue
            text = _parts(child).get("content", "") if name in _STRUCTURED else text_of(child)
            if name == "link":
                text = text or child.get("href", "")
            (values if _is_googles(child) else others).setdefault(name, []).append(text)
        if not (values := others | values):
            return None
        return _details(details) | _google_row(self, line, values)


def _parts(element: Element) -> dict[str, str]:
    return {local_name(part): text_of(part) for part in element.iterchildren("*")}


def _is_googles(element: Element) -> bool:
    """Whether the element is one of Google's, which count before those that RSS and Atom have under
    the same name."""
    return element.prefix == "g" or element.tag.startswith("g:") or _NAMESPACE in element.tag


class GoogleTable(RowFeed):
    """The text format: tab-separated, with the attributes as columns."""

    format: ClassVar[str] = "google"
    columns: ClassVar[dict[str, str]] = {normalise_column(name): name for name in _MEANINGS}
    meanings: ClassVar[dict[str, str]] = _MEANINGS
    price_columns: tuple[str, ...] = ("price", "sale_price")

    @classmethod
    def recognises(cls, header: Sequence[str]) -> bool:
        names = {cls.columns.get(_without_prefix(name)) for name in header}
        return {"id", "title"} <= names and bool({"image_link", "availability"} & names)

    def _name(self, column: str) -> str:
        return self.columns.get(_without_prefix(column), "")

    def _product(self, line: int, values: dict[str, str]) -> Row | None:
        details = _details(_split_details(values.pop(_DETAIL, "")))
        lists = {name: [text] for name, text in values.items() if text}
        for name in _STRUCTURED:
            if name in lists:  # trained_algorithmic_media:"The text"
                lists[name] = [values[name].partition(":")[2].strip('"')]
        return details | _google_row(self, line, lists, self.decimal_mark)


def _without_prefix(column: str) -> str:
    return normalise_column(column).removeprefix("g:")
