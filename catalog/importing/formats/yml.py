"""Yandex Market Language, by https://yandex.ru/support/marketplace/assortment/files/yml.html."""

from collections import OrderedDict
from collections.abc import Iterator
from contextlib import suppress
from typing import Any, ClassVar

from catalog.importing.errors import FeedCutOff
from catalog.importing.formats.feed import FeedOptions, Row, add_value, attributes
from catalog.importing.formats.text_encoding import TextSource
from catalog.importing.formats.texts import html_to_text, join_category, one_line, read_flag
from catalog.importing.formats.xml_stream import (
    Element,
    XmlFeed,
    local_name,
    read_elements,
    text_of,
)
from catalog.importing.records import RecordError

_FIELDS = {
    **{"name": "title", "typePrefix": "title", "model": "title", "vendor": "brand"},
    "title": "title",
    **{"description": "description", "url": "url", "picture": "images", "price": "price"},
    **{"oldprice": "regular_price", "currencyId": "currency", "categoryId": "category"},
    **{"available": "in_stock", "count": "in_stock", "disabled": "is_visible"},
    "param": "option or attribute",
}
_ATTRIBUTES = (
    *("vendorCode", "barcode", "country_of_origin", "sales_notes", "weight", "dimensions"),
    # of books, audio books, music and films
    *("author", "publisher", "series", "year", "ISBN", "volume", "part", "language", "binding"),
    *("page_extent", "performed_by", "performance_type", "storage", "format", "recording_length"),
    *("artist", "media", "starring", "director", "originalName", "country"),
)
_ATTRIBUTE_NAMES = {"vendorCode": "vendor_code", "originalName": "original_name"}
_COMPARED_GROUPS = 1_000


class YandexMarket(XmlFeed):
    """A catalogue of offers. A first pass over the file reads the categories, which name their
    parents by ids, and finds the parameters that differ inside a group: those are options."""

    format: ClassVar[str] = "yml"
    elements: ClassVar[tuple[str, ...]] = ("offer",)

    def __init__(self, source: TextSource, options: FeedOptions) -> None:
        super().__init__(source, options)
        self._categories: dict[str, tuple[str, str]] = {}  # id -> (name, id of the parent)
        self._options: set[str] = set()

    def _read(self) -> Iterator[tuple[int, Row | RecordError]]:
        with suppress(FeedCutOff):  # the second pass reads what is there, and raises it
            self._find_categories_and_options()
        yield from super()._read()

    def _find_categories_and_options(self) -> None:
        groups: OrderedDict[str, dict[str, Any]] = OrderedDict()
        for _, element in read_elements(self.source, ("category", "offer")):
            if local_name(element) == "category":
                parent = element.get("parentId", "")
                self._categories[element.get("id", "")] = text_of(element), parent
            else:
                self._compare(element, groups)

    def _compare(self, offer: Element, groups: OrderedDict[str, dict[str, Any]]) -> None:
        """Compares an offer with the one before it in its group, among the groups met lately."""
        group = offer.get("group_id", "")
        if not group:
            return
        params = _params(offer)
        before = groups.pop(group, params)
        self._options |= {name for name in params if before.get(name, params[name]) != params[name]}
        groups[group] = params
        if len(groups) > _COMPARED_GROUPS:
            groups.popitem(last=False)

    def _product(self, line: int, element: Element) -> Row | None:
        texts: dict[str, str] = {}
        described: dict[str, Any] = {}
        pictures: list[str] = []
        for child in element.iterchildren("*"):
            name = local_name(child)
            if name in _FIELDS or name in _ATTRIBUTES:
                self._understand(name, _FIELDS.get(name, "attribute"))
                if name == "picture":
                    pictures.append(text_of(child))
                elif name != "param":
                    texts.setdefault(name, text_of(child))
                if name in _ATTRIBUTES:
                    add_value(described, _ATTRIBUTE_NAMES.get(name, name), one_line(text_of(child)))
            else:
                self._ignore(name)
        params, group = _params(element), element.get("group_id", "")
        options = {n: _as_text(v) for n, v in params.items() if group and n in self._options}
        category_id = texts.get("categoryId", "")
        return {
            **attributes({n: value for n, value in params.items() if n not in options}),
            **described,
            "yml_category_id": category_id,
            "sku": element.get("id", ""),
            "title": _title(texts),
            "description": html_to_text(texts.get("description", "")),
            "brand": one_line(texts.get("vendor", "")),
            "category": self._path(category_id),
            "url": texts.get("url", ""),
            "images": [picture for picture in pictures if picture],
            "in_stock": _is_in_stock(element, texts),
            "is_visible": not read_flag(texts.get("disabled", "")),
            "group": group,
            "options": options,
            **self._prices(texts),
        }

    def _prices(self, texts: dict[str, str]) -> Row:
        """The old price is the regular one; the present price counts without dates."""
        price, old = texts.get("price", ""), texts.get("oldprice", "")
        fields = self.price_fields(old or price, price)
        if not fields.get("currency"):
            code = texts.get("currencyId", "").upper()
            fields["currency"] = "RUB" if code == "RUR" else code
        return fields

    def _path(self, category_id: str) -> str:
        """Returns the path to a category. Of categories that name each other as parents, each
        counts once."""
        names: dict[str, str] = {}  # by id
        while category_id in self._categories and category_id not in names:
            names[category_id], parent = self._categories[category_id]
            category_id = parent
        return join_category(list(names.values())[::-1])


def _params(offer: Element) -> dict[str, Any]:
    """Returns the values of the parameters of an offer, with their units."""
    found: dict[str, Any] = {}
    for param in offer.iterchildren("{*}param"):
        value = " ".join((one_line(text_of(param)), param.get("unit", ""))).strip()
        if name := one_line(param.get("name", "")):
            add_value(found, name, value)
    return found


def _as_text(value: Any) -> str:
    return ", ".join(value) if isinstance(value, list) else value


def _title(texts: dict[str, str]) -> str:
    """Returns the name, or what offers of the types "vendor.model" and "artist.title" have in its
    place."""
    if name := one_line(texts.get("name", "")):
        return name
    if title := one_line(texts.get("title", "")):
        return title
    return one_line(" ".join(texts.get(part, "") for part in ("typePrefix", "vendor", "model")))


def _is_in_stock(offer: Element, texts: dict[str, str]) -> bool | None:
    for text in (offer.get("available", ""), texts.get("available", ""), texts.get("count", "")):
        if text.strip():
            return read_flag(text)
    return None
