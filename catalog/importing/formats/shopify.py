"""Product exports of Shopify, by
https://help.shopify.com/en/manual/products/import-export/using-csv. Columns have had other names
since 2025; both are read."""

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import ClassVar

from catalog.importing.formats.feed import Row, attributes
from catalog.importing.formats.tables import TableFeed, normalise_column
from catalog.importing.formats.texts import (
    html_to_text,
    one_line,
    read_flag,
    split_category,
    split_words,
)
from catalog.importing.records import RecordError

Values = dict[str, str]
_METAFIELD = re.compile(r"(.+?)\s*\(product\.metafields\.[^)]*\)")
_WRITTEN_AS_TEXT = re.compile(r"^'(?=\d+$)")  # Shopify keeps leading zeros from spreadsheets
_DEFAULT_VARIANT = ("title", "default title")
_ATTRIBUTES = ("type", "gender", "age_group", "google_product_category", "mpn", "condition")


class Shopify(TableFeed):
    """The rows of a product stand together and have one handle. The first row describes the product
    and its first variant; the others have what differs, and more images. A product with more than
    the default variant becomes a group of its variants, in which each row has the product's
    texts."""

    format: ClassVar[str] = "shopify"
    columns: ClassVar[dict[str, str]] = {
        **{"handle": "handle", "url handle": "handle", "title": "title"},
        **{"body (html)": "description", "description": "description", "vendor": "brand"},
        **{"product category": "category", "type": "type", "tags": "keywords"},
        **{"published": "published", "published on online store": "published", "status": "status"},
        **{f"option{n} name": f"option{n} name" for n in (1, 2, 3)},
        **{f"option{n} value": f"option{n} value" for n in (1, 2, 3)},
        **{"variant sku": "sku", "sku": "sku", "variant barcode": "barcode", "barcode": "barcode"},
        **{"variant price": "price", "price": "price"},
        **{"variant compare at price": "compared", "compare-at price": "compared"},
        **{"variant inventory qty": "quantity", "inventory quantity": "quantity"},
        **{"variant inventory tracker": "tracker", "inventory tracker": "tracker"},
        **{"variant inventory policy": "policy", "continue selling when out of stock": "policy"},
        **{"image src": "image", "product image url": "image"},
        **{"variant image": "variant image", "variant image url": "variant image"},
        **{"google shopping / gender": "gender", "google shopping / age group": "age_group"},
        "google shopping / google product category": "google_product_category",
        **{"google shopping / mpn": "mpn", "google shopping / condition": "condition"},
        "google shopping / manufacturer part number (mpn)": "mpn",
        **{"variant grams": "grams", "weight value (grams)": "grams", "image position": "at"},
    }
    meanings: ClassVar[dict[str, str]] = {
        **{"handle": "group", "published": "is_visible", "status": "is_visible"},
        **{f"option{n} name": "option" for n in (1, 2, 3)},
        **{f"option{n} value": "option" for n in (1, 2, 3)},
        **{"compared": "regular_price", "quantity": "in_stock", "tracker": "in_stock"},
        **{"policy": "in_stock", "image": "images", "variant image": "images"},
        **{"at": "images", "grams": "attribute"},
        **{"barcode": "attribute", **dict.fromkeys(_ATTRIBUTES, "attribute")},
        "type": "category or attribute",
    }
    price_columns: tuple[str, ...] = ("price", "compared")

    @classmethod
    def recognises(cls, header: Sequence[str]) -> bool:
        names = {normalise_column(name) for name in header}
        own = {"option1 name", "variant price", "body (html)", "product image url", "image src"}
        return bool({"handle", "url handle"} & names) and "title" in names and bool(own & names)

    def _name(self, column: str) -> str:
        if metafield := _METAFIELD.fullmatch(column):
            return f"metafield {metafield[1]}"
        return super()._name(column)

    def _meaning(self, name: str) -> str:
        return "attribute" if name.startswith("metafield ") else super()._meaning(name)

    def _read(self) -> Iterator[tuple[int, Row | RecordError]]:
        rows: list[tuple[int, Values]] = []
        for line, values in self._values():
            if isinstance(values, RecordError):
                yield line, values
            elif rows and values.get("handle", "") in ("", rows[0][1]["handle"]):
                rows.append((line, values))
            elif values.get("title"):
                yield from self._group(rows)
                rows = [(line, values)]
            else:
                yield (
                    line,
                    RecordError(
                        "the row has no title, and the row above has another handle: the rows of a"
                        " product must stand together"
                    ),
                )
        yield from self._group(rows)

    def _group(self, rows: list[tuple[int, Values]]) -> Iterator[tuple[int, Row | RecordError]]:
        if not rows:
            return
        first = rows[0][1]
        variants = [rows[0], *((line, row) for line, row in rows[1:] if _is_variant(row))]
        names = [first.get(f"option{n} name", "") for n in (1, 2, 3)]
        placed = sorted((_place(row, n), row.get("image", "")) for n, (_, row) in enumerate(rows))
        images = _unique(image for _, image in placed)
        of_variants = {row.get("variant image", "") for _, row in variants}
        shared = [image for image in images if image not in of_variants]
        for line, variant in variants:
            options = {
                name: value
                for n, name in enumerate(names, 1)
                if name and (value := one_line(variant.get(f"option{n} value", "")))
            }
            if len(variants) == 1 and _is_default(options):
                options = {}
            own = _unique([variant.get("variant image", ""), *shared])
            try:
                yield line, self._variant(line, first, variant, options, own or images[:1])
            except RecordError as error:
                error.sku = _WRITTEN_AS_TEXT.sub("", variant.get("sku", "")) or first["handle"]
                yield line, error

    def _variant(
        self, line: int, first: Values, variant: Values, options: dict[str, str], images: list[str]
    ) -> Row:
        handle = first["handle"]
        sku = _WRITTEN_AS_TEXT.sub("", variant.get("sku", ""))
        price, compared = variant.get("price", ""), variant.get("compared", "")
        kind = one_line(first.get("type", ""))
        category = split_category(first.get("category", ""))
        status = first.get("status", "").lower()
        metafields = {
            name.removeprefix("metafield "): one_line(text)
            for name, text in first.items()
            if name.startswith("metafield ")
        }
        return {
            **attributes(metafields),
            **{name: one_line(first.get(name, "")) for name in _ATTRIBUTES},
            "type": kind if category else "",
            "weight (g)": _read_weight(variant.get("grams", "")),
            "barcode": _WRITTEN_AS_TEXT.sub("", variant.get("barcode", "")),
            "sku": sku or "-".join([handle, *options.values()]),
            "title": one_line(first["title"]),
            "description": html_to_text(first.get("description", "")),
            "brand": one_line(first.get("brand", "")),
            "category": category or split_category(kind),
            "keywords": split_words(first.get("keywords", "")),
            "images": images,
            "in_stock": _is_in_stock(variant),
            "is_visible": read_flag(first.get("published", "")) is not False
            and status in ("", "active"),
            "group": handle if options else "",
            "options": options,
            **self.price_fields(compared or price, price, decimal_mark=self.decimal_mark),
        }


def _place(row: Values, number: int) -> tuple[int, int]:
    """Returns where the image of a row stands: by its position, and otherwise by its row."""
    at = row.get("at", "")
    return int(at) if at.isdecimal() else number + 1, number


def _read_weight(text: str) -> str:
    """Returns a weight without needless decimals, or "" if it is 0."""
    weight = text.removesuffix(".0").removesuffix(".00")
    return "" if weight == "0" else weight


def _is_variant(row: Values) -> bool:
    return any(row.get(name) for name in ("sku", "price", "option1 value"))


def _is_default(options: dict[str, str]) -> bool:
    pairs = {(name.lower(), value.lower()) for name, value in options.items()}
    return pairs <= {_DEFAULT_VARIANT}


def _is_in_stock(variant: Values) -> bool | None:
    """A variant whose stock is not tracked, or that is sold without stock, is in stock."""
    quantity = variant.get("quantity", "")
    goes_on = variant.get("policy", "").lower() in ("continue", "true")
    if not quantity or goes_on or variant.get("tracker", "shopify") == "":
        return True if "quantity" in variant else None
    return read_flag(quantity)


def _unique(images: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(image for image in images if image))
