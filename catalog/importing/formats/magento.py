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
    html_to_text,
    join_category,
    one_line,
    read_flag,
    split_images,
    split_words,
)
from catalog.importing.records import RecordError

Values = dict[str, str]
Options = tuple[tuple[str, str], ...]
"""(code of an attribute, its label) for each option of a configurable product."""

_PAIR = re.compile(r",(?=[A-Za-z]\w*=)")
_STEP = re.compile(r"(?<!\\)/")
_BRANDS = ("manufacturer", "brand")
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
        "weight": "weight",
        **{"special price": "special", "special price from date": "begins"},
        **{"special price to date": "ends", "base image": "image", "qty": "quantity"},
        **{"additional images": "images", "additional attributes": "attributes"},
        **{"configurable variations": "variations", "meta keywords": "keywords"},
        **{"configurable variation labels": "labels", "manage stock": "managed"},
    }
    meanings: ClassVar[dict[str, str]] = {
        **{"categories": "category", "visibility": "is_visible", "online": "is_visible"},
        **{"type": "is_group", "short": "description", "special": "price", "begins": "price"},
        **{"ends": "price", "image": "images", "quantity": "in_stock", "managed": "in_stock"},
        **{"attributes": "option or attribute", "variations": "group", "labels": "option"},
        "weight": "attribute",
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
        options: dict[str, str] = {}
        if group and not is_group:
            for code, label in self._options[group]:
                if text := described.pop(code, ""):
                    options[label] = text
        brand = next((described.pop(name) for name in _BRANDS if name in described), "")
        description = "\n\n".join(
            text for name in ("short", "description") if (text := values.get(name, ""))
        )
        return {
            **attributes({name: _words(text) for name, text in described.items()}),
            "weight": values.get("weight", ""),
            "sku": sku,
            "title": one_line(values.get("title", "")),
            "description": html_to_text(description),
            "brand": one_line(brand),
            "category": self._category(values.get("categories", "")),
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

    def _category(self, text: str) -> str:
        """Returns the deepest path without its root. A slash in a name is escaped; a comma is not,
        so a path begins only where the name of a root stands."""
        paths: list[str] = []
        for part in re.split(r"[,|]", text):
            if paths and _STEP.split(part, maxsplit=1)[0] not in self._roots:
                paths[-1] += f",{part}"
            else:
                paths.append(part)
        steps = max((_STEP.split(path) for path in paths), key=len)
        return join_category([step.replace("\\/", "/").strip('" ') for step in steps[1:]])


def _pairs(text: str) -> dict[str, str]:
    """Reads `color=Red,size=M`. A value may hold commas, and quotation marks around it."""
    found: dict[str, str] = {}
    for part in _PAIR.split(text):
        name, equals, value = part.partition("=")
        if equals:
            found[sys.intern(name.strip())] = value.strip().strip('"')
    return found


def _words(text: str) -> str | list[str]:
    """Bars stand between several values of an attribute."""
    words = [one_line(word) for word in text.split("|")]
    return words if len(words) > 1 else words[0]


def _images(values: Values) -> list[str]:
    """Returns the base image and the others once each. Paths are below the media folder."""
    images = [values.get("image", ""), *split_images(values.get("images", ""))]
    return list(dict.fromkeys(image.lstrip("/") for image in images if image))


def _is_in_stock(values: Values) -> bool | None:
    if read_flag(values.get("managed", "")) is False:
        return True
    return read_flag(values.get("in_stock", "") or values.get("quantity", ""))


def _is_visible(values: Values, is_grouped: bool) -> bool:
    """A variant is shown with its group, although it is "Not Visible Individually"."""
    is_hidden = values.get("visibility", "").lower() == _HIDDEN and not is_grouped
    return values.get("online", "1") in ("1", "") and not is_hidden
