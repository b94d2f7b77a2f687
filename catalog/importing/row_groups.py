"""Brings together the rows of each product, which may be spread over a file."""

import pickle
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from catalog.importing.records import ProductRecord, RecordError, read_record

MAX_BYTES_IN_MEMORY = 64 * 1024**2

Refuse = Callable[[int, str], None]
"""Notes a refused row: its line number, and a sentence."""


@dataclass(frozen=True)
class Row:
    """A checked row, and the number of its line."""

    line: int
    record: ProductRecord


@dataclass(frozen=True)
class ProductRows:
    """All rows of one product, in the order of the file. `is_whole` is False if the file has more
    rows of the product, which were refused or cut off. `refused_head` is the line of a refused row
    that described the product itself."""

    sku: str
    rows: list[Row]
    is_whole: bool = True
    refused_head: int | None = None


class RowGroups:
    """Collects rows, and returns them product by product, in the order of the products' first rows.

    The rows of a large file wait in a temporary file. Memory then holds only their places and their
    skus. A sku belongs to the first product that claims it: later rows of other products with that
    sku are refused, so that importing the file again changes nothing. Closing the object removes
    the file."""

    def __init__(self, refuse: Refuse) -> None:
        self._refuse = refuse
        spool = tempfile.SpooledTemporaryFile(MAX_BYTES_IN_MEMORY)  # noqa: SIM115
        self._file = spool  # `__exit__` closes it
        self._end = 0
        self._places: dict[str, list[int]] = {}
        self._owners: dict[str, str] = {}
        self._partial: set[str] = set()
        self._refused_heads: dict[str, int] = {}
        self._is_cut = False

    def __enter__(self) -> "RowGroups":
        return self

    def __exit__(self, *error: object) -> None:
        with suppress(OSError):  # of the last write, which has been reported
            self._file.close()

    def add(self, line: int, raw: Any) -> bool:
        """Checks a row, given as a decoded object or RecordError, and keeps it. Returns False if it
        is refused. Raises OSError if the temporary file cannot be written."""
        try:
            if isinstance(raw, RecordError):
                raise raw
            record = read_record(raw)
            self._claim(record)
        except RecordError as error:
            self._refuse(line, str(error))
            self._note_refused(line, raw)
            return False
        self._places.setdefault(record.product_sku, []).append(self._end)
        self._end += self._file.write(pickle.dumps(Row(line, record), pickle.HIGHEST_PROTOCOL))
        return True

    def note_cut(self) -> None:
        """Notes that the file ended early, so that rows of any product may be missing."""
        self._is_cut = True

    def products(self) -> Iterator[ProductRows]:
        """Yields the rows of each product."""
        for sku, places in self._places.items():
            rows = [self._read(place) for place in places]
            is_whole = not self._is_cut and sku not in self._partial
            yield ProductRows(sku, rows, is_whole, self._refused_heads.get(sku))

    def _claim(self, record: ProductRecord) -> None:
        if record.is_group:
            return
        owner = self._owners.setdefault(record.sku, record.product_sku)
        if owner != record.product_sku:
            raise RecordError(
                f"sku {record.sku!r} is already a variant of {owner!r} in this file"
                if owner != record.sku
                else f"sku {record.sku!r} is already a product of its own in this file"
            )

    def _note_refused(self, line: int, raw: Any) -> None:
        """Notes which product a refused row belonged to, as far as that can be read."""
        if not isinstance(raw, Mapping):
            return
        sku = raw.get("group") or raw.get("sku")
        if isinstance(sku, str | int | float):
            self._partial.add(str(sku).strip())
            if raw.get("is_group") is True:
                self._refused_heads[str(sku).strip()] = line

    def _read(self, place: int) -> Row:
        self._file.seek(place)
        row: Row = pickle.load(self._file)
        return row


def group_records(records: Sequence[ProductRecord]) -> list[ProductRows]:
    """Returns the rows of each product among checked records. Their lines are their positions from
    0."""
    groups: dict[str, list[Row]] = {}
    for position, record in enumerate(records):
        groups.setdefault(record.product_sku, []).append(Row(position, record))
    return [ProductRows(sku, rows) for sku, rows in groups.items()]


def batches(products: Iterable[ProductRows], size: int) -> Iterator[list[ProductRows]]:
    """Yields lists of products with `size` rows, or a few more: all rows of a product are in one
    list."""
    batch: list[ProductRows] = []
    rows = 0
    for product in products:
        batch.append(product)
        rows += len(product.rows)
        if rows >= size:
            yield batch
            batch, rows = [], 0
    if batch:
        yield batch
