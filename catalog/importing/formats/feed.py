"""What all readers share: a feed is one file of products."""

import json
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, ClassVar

from django.utils import timezone

from catalog.importing.formats.prices import Price, choose_price, read_price
from catalog.importing.formats.text_encoding import UNREADABLE, TextSource
from catalog.importing.formats.texts import cut
from catalog.importing.image_names import ImageNameError, check_image_name
from catalog.importing.records import REGULAR_PRICE, RecordError
from catalog.index.vocabulary import is_russian
from catalog.models.product import MAX_DESCRIPTION_LENGTH

Row = dict[str, Any]
Line = tuple[int, Any]
"""A line number, and a decoded object or RecordError."""

_NEVER = datetime.max.replace(tzinfo=UTC)
MAX_TITLE_LENGTH = 500
MAX_IMAGES = 100
MAX_KEYWORDS = 200
MAX_KEYWORD_LENGTH = 100
MAX_NOTES = 1_000
PRODUCT_FIELDS = (
    *("sku", "title", "title_ru", "description", "brand", "category", "category_ru", "keywords"),
    *("price", "currency", "in_stock", "is_visible", "popularity", "url", "images"),
)
GROUP_FIELDS = ("group", "options", "is_group")


@dataclass(frozen=True)
class FeedOptions:
    """`now`: the moment at which sale prices count, with a zone. `currency`: the code for prices
    that name none; without it, the default of products."""

    now: datetime = field(default_factory=timezone.now)
    currency: str = ""


class Feed(ABC):
    """One file of products in the format of a shop.

    `understood` maps the columns or elements of the file that products are read from to the fields
    of products, `ignored` lists the others. For XML, both grow while rows are read. `notes` says
    which rows were changed, as (line, sentence), and has at most MAX_NOTES entries; `noted` counts
    all of them. `changes_at` is the next moment at which a sale begins or ends, as far as rows have
    been read. `needs_images`: a row with an image that cannot be read is refused; otherwise the
    image is left out and noted."""

    format: ClassVar[str] = ""
    needs_images: ClassVar[bool] = False

    def __init__(self, source: TextSource, options: FeedOptions) -> None:
        self.source = source
        self.options = options
        self.understood: dict[str, str] = {}
        self.ignored: list[str] = []
        self.notes: list[tuple[int, str]] = []
        self.noted = 0
        self.changes_at: datetime | None = None

    @property
    def path(self) -> Path:
        return self.source.path

    def rows(self) -> Iterator[Line]:
        """Yields (line number, row) for each product. A row has the keys of the JSON Lines format,
        and may have `group`, `options` and `is_group`. A product that cannot be read is a
        RecordError instead. Raises ImportFailed, or FeedCutOff after the rows before the cut."""
        for line, row in self._read():
            yield line, row if isinstance(row, RecordError) else self._complete(line, row)

    @abstractmethod
    def _read(self) -> Iterator[tuple[int, Row | RecordError]]:
        """Yields the rows as the format has them; values may be empty."""

    def note(self, line: int, sentence: str) -> None:
        self.noted += 1
        if len(self.notes) < MAX_NOTES:
            self.notes.append((line, sentence))

    def _complete(self, line: int, row: Row) -> Row | RecordError:
        """Leaves out empty values, cuts what products have no room for, and notes it."""
        row = {name: value for name, value in row.items() if value or value is False or value == 0}
        if self.source.is_mixed and UNREADABLE in json.dumps(row, default=str, ensure_ascii=False):
            return RecordError(
                f"some of its text is not {self.source.encoding}, as the rest of the file is"
            )
        if is_russian(row.get("title", "")) and "title_ru" not in row:
            row["title_ru"] = row.pop("title")
        if self.options.currency:
            row.setdefault("currency", self.options.currency)
        self._cut_texts(line, row)
        self._cut_lists(line, row)
        return row

    def _cut_texts(self, line: int, row: Row) -> None:
        limits = (
            ("title", MAX_TITLE_LENGTH),
            ("title_ru", MAX_TITLE_LENGTH),
            ("description", MAX_DESCRIPTION_LENGTH),
        )
        for name, size in limits:
            text = row.get(name, "")
            if len(text) > size:
                row[name] = cut(text, size)
                self.note(line, f"{name} has {len(text)} characters; it is cut to {size}")

    def _cut_lists(self, line: int, row: Row) -> None:
        words = row.get("keywords", [])
        kept = [word for word in words if len(word) <= MAX_KEYWORD_LENGTH][:MAX_KEYWORDS]
        if len(kept) < len(words):
            row["keywords"] = kept
            self.note(line, f"{len(words) - len(kept)} keywords are left out: too long or too many")
        images = self._check_images(line, row.get("images", []))
        if images:
            row["images"] = images
        else:
            row.pop("images", None)
        if len(images) > MAX_IMAGES:
            row["images"] = images[:MAX_IMAGES]
            self.note(line, f"{len(images)} images; the first {MAX_IMAGES} are kept")

    def _check_images(self, line: int, images: list[str]) -> list[str]:
        """Returns the images that can be read or fetched, as far as their names tell."""
        kept = []
        for image in images:
            named = f"https:{image}" if image.startswith("//") else image
            try:
                check_image_name(named)
                kept.append(named)
            except ImageNameError as error:
                self.note(line, f"{error}; it is left out")
        return kept

    def price_fields(
        self,
        regular: str,
        sale: str = "",
        begins: datetime | None = None,
        ends: datetime | None = None,
        decimal_mark: str = "",
    ) -> Row:
        """Returns `price`, `currency` and, during a sale, the attribute REGULAR_PRICE. Raises
        RecordError if a price cannot be read."""
        for moment in (begins, ends):
            if moment and self.options.now < moment and moment < (self.changes_at or _NEVER):
                self.changes_at = moment
        full = read_price(regular, decimal_mark)
        price = choose_price(full, read_price(sale, decimal_mark), self.options.now, begins, ends)
        if price is None:
            return {}
        return {
            "price": price.amount,
            "currency": price.currency or (full.currency if full else ""),
            REGULAR_PRICE: regular_price(full, price),
        }


def attributes(named: Mapping[str, Any]) -> Row:
    """Returns attributes that a shop names as it likes, and renames those that have the name of a
    field of products."""
    taken = {*PRODUCT_FIELDS, *GROUP_FIELDS}
    return {
        f"{name} (attribute)" if name in taken else name: value for name, value in named.items()
    }


def add_value(found: dict[str, Any], name: str, value: str) -> None:
    """Adds the value of an attribute. If another value has the name already, both become a list."""
    values = found.get(name, [])
    values = values if isinstance(values, list) else [values]
    if value and value not in values:
        found[name] = [*values, value] if values else value


def regular_price(regular: Price | None, price: Price | None) -> str:
    """Returns the price before a discount as text, or "" if there is no discount."""
    if regular is None or price is None or regular.amount <= price.amount:
        return ""
    return str(regular.amount.quantize(Decimal("0.01")))
