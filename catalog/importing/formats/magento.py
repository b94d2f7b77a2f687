"""Product exports of Magento 2, by https://experienceleague.adobe.com/docs/commerce-admin/systems/
data-transfer/data-attributes-product.html."""

import re
import sys
from collections.abc import Iterator, Sequence
from contextlib import suppress
from typing import ClassVar

from catalog.importing.errors import FeedCutOff
from catalog.importing.formats.feed import FeedOptions, Row, attributes
from catalog.importing.formats.prices import read_date
from catalog.importing.formats.tables import RowFeed, Table
from catalog.importing.formats.texts import (
    deepest_first,
    join_category,
    join_texts,
    one_line,
    read_flag,
    split_images,
    split_words,
)
from catalog.importing.records import OTHER_CATEGORIES, RecordError

Values = dict[str, str]
Options = tuple[tuple[str, str], ...]
"""(code of an attribute, its label) for each option of a configurable product."""

_QUOTED = r'"[^"]*(?:""[^"]*)*"'
_NEXT = r"(?=,[A-Za-z]\w{0,99}=|$)"
# A name, and its value up to the next name. Quotation marks may enclose each part of a value.
_PAIR = re.compile(
    rf"(?:^|,)\s*([A-Za-z]\w{{0,99}})=({_QUOTED}(?:\|{_QUOTED})*{_NEXT}|.*?{_NEXT})", re.DOTALL
)
_QUOTED_PARTS = re.compile(rf"{_QUOTED}(?:\|{_QUOTED})*")
_QUOTED_PART = re.compile(_QUOTED)
_STEP = re.compile(r"(?<!\\)/")
_BRANDS = ("manufacturer", "brand")
_BOOKKEEPING = ("has_options", "required_options")
_HIDDEN = "not visible individually"


class Magento(RowFeed):
    """Rows of the type "configurable" describe groups and name their variants. A first pass over
    the file keeps the pairs of skus, because a variant may stand before its group. Rows of store
    views, which translate a product, are left out."""

    format: ClassVar[str] = "magento"
    columns: ClassVar[dict[str, str]] = {
        **{name: name for name in ("sku", "description", "price", "categories", "visibility")},
        **{"store view code": "view", "product type": "type", "name": "title"},
        **{"short description": "short", "product online": "online", "is in stock": "in_stock"},
        **{"weight": "weight", "country of manufacture": "country"},
        **{"special price": "special", "special price from date": "begins"},
        **{"special price to date": "ends", "base image": "image", "qty": "quantity"},
        **{"additional images": "images", "additional attributes": "attributes"},
        **{"configurable variations": "variations", "meta keywords": "keywords"},
        **{"configurable variation labels": "labels", "manage stock": "managed"},
        "use config manage stock": "managed by default",
    }
    meanings: ClassVar[dict[str, str]] = {
        **{"categories": "category", "visibility": "is_visible", "online": "is_visible"},
        **{"type": "is_group", "short": "description", "special": "price", "begins": "price"},
        **{"ends": "price", "image": "images", "quantity": "in_stock", "managed": "in_stock"},
        **{"attributes": "option or attribute", "variations": "group", "labels": "option"},
        **{"weight": "attribute", "country": "attribute", "managed by default": "in_stock"},
        "view": "rows of store views are left out",
    }
    price_columns: tuple[str, ...] = ("price", "special")

    def __init__(self, table: Table, options: FeedOptions) -> None:
        super().__init__(table, options)
        self._parents: dict[str, str] = {}  # sku of a variant -> sku of its group
        self._options: dict[str, Options] = {}  # sku of a group -> its options
        self._roots: set[str] = set()  # the first steps of category paths

    @classmethod
    def recognises(cls, header: Sequence[str]) -> bool:
        own = {"attribute_set_code", "product_type", "additional_attributes", "product_online"}
        return "sku" in header and len((own | {"configurable_variations"}) & set(header)) >= 2

    def _read(self) -> Iterator[tuple[int, Row | RecordError]]:
        with suppress(FeedCutOff):  # the second pass reads what is there, and raises it
            self._find_groups()
        yield from super()._read()

    def _find_groups(self) -> None:
        for _, values in self._values():
            if isinstance(values, RecordError) or values.get("view"):
                continue
            if categories := values.get("categories", ""):
                self._roots.add(_STEP.split(categories, maxsplit=1)[0])
            variations = values.get("variations", "")
            if not variations:
                continue
            group, codes = sys.intern(values["sku"]), dict[str, str]()
            for variation in variations.split("|"):
                pairs = _pairs(variation)
                if child := pairs.pop("sku", ""):
                    self._parents[child] = group
                codes.update((code, code) for code in pairs)
            codes.update(_pairs(values.get("labels", "")))
            self._options[group] = tuple(codes.items())

    def _product(self, line: int, values: Values) -> Row | None:
        if values.get("view"):
            return None
        sku = values["sku"]
        is_group = values.get("type") == "configurable"
        group = sku if is_group else self._parents.get(sku, "")
        described = _pairs(values.get("attributes", ""))
        options = {} if is_group else self._take_options(group, described)
        brand = next((described.pop(name) for name in _BRANDS if name in described), "")
        category, others = deepest_first(self._paths(values.get("categories", "")))
        return {
            **attributes(
                {n: _words(text) for n, text in described.items() if n not in _BOOKKEEPING}
            ),
            "weight": values.get("weight", ""),
            "country_of_manufacture": values.get("country", ""),
            OTHER_CATEGORIES: others,
            "sku": sku,
            "title": one_line(values.get("title", "")),
            "description": join_texts(values.get("short", ""), values.get("description", "")),
            "brand": one_line(_unquote(brand)),
            "category": category,
            "keywords": split_words(values.get("keywords", "")),
            "images": _images(values),
            "in_stock": _is_in_stock(values),
            "is_visible": _is_visible(values, bool(group)),
            "group": group,
            "is_group": is_group or None,
            "options": options,
            **self.price_fields(
                values.get("price", ""),
                values.get("special", ""),
                read_date(values.get("begins", "")),
                read_date(values.get("ends", ""), is_end=True),
                self.decimal_mark,
            ),
        }

    def _take_options(self, group: str, described: dict[str, str]) -> dict[str, str]:
        """Takes the options of a variant of the group out of its attributes."""
        taken = {
            label: one_line(_unquote(described.pop(code, "")))
            for code, label in self._options.get(group, ())
        }
        return {label: text for label, text in taken.items() if text}

    def _paths(self, text: str) -> list[str]:
        """Returns the category paths without their roots. A slash in a name is escaped; a comma is
        not, so a path begins only where the name of a root stands."""
        paths: list[str] = []
        for part in re.split(r"[,|]", text):
            if paths and _STEP.split(part, maxsplit=1)[0] not in self._roots:
                paths[-1] += f",{part}"
            else:
                paths.append(part)
        return [
            join_category([step.replace("\\/", "/").strip('" ') for step in _STEP.split(path)[1:]])
            for path in paths
        ]


def _pairs(text: str) -> dict[str, str]:
    """Reads `color=Red,size=M`. A value may hold commas, and keeps its quotation marks."""
    return {sys.intern(name): value.strip() for name, value in _PAIR.findall(text)}


def _unquote(text: str) -> str:
    """Removes the quotation marks around a value, and makes doubled ones inside single."""
    is_quoted = len(text) > 1 and text.startswith('"') and text.endswith('"')
    return text[1:-1].replace('""', '"') if is_quoted else text


def _words(text: str) -> str | list[str]:
    """Bars stand between several values of an attribute."""
    is_quoted = _QUOTED_PARTS.fullmatch(text)
    parts = _QUOTED_PART.findall(text) if is_quoted else text.split("|")
    words = [one_line(_unquote(part)) for part in parts]
    return words if len(words) > 1 else words[0]


def _images(values: Values) -> list[str]:
    """Returns the base image and the others once each. Paths are below the media folder."""
    images = [values.get("image", ""), *split_images(values.get("images", ""))]
    return list(dict.fromkeys(image.lstrip("/") for image in images if image))


def _is_in_stock(values: Values) -> bool | None:
    """Stock that is not managed is never short. The configuration of the shop decides on that,
    which the file does not have, unless the product has a setting of its own."""
    is_own = not read_flag(values.get("managed by default", ""))
    if is_own and read_flag(values.get("managed", "")) is False:
        return True
    return read_flag(values.get("in_stock", "") or values.get("quantity", ""))


def _is_visible(values: Values, is_grouped: bool) -> bool:
    """A variant is shown with its group, although it is "Not Visible Individually"."""
    is_hidden = values.get("visibility", "").lower() == _HIDDEN and not is_grouped
    return values.get("online", "1") in ("1", "") and not is_hidden
