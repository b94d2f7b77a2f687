"""Brings together the rows of each product, which may be spread over a file."""

import pickle
import tempfile
from array import array
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from catalog.importing.records import ProductRecord, RecordError, read_record
from catalog.importing.rows.row_hashes import PRICE_FIELDS, RowHashes, price_row

MAX_BYTES_IN_MEMORY = 64 * 1024**2
_NO_HASHES = RowHashes()

Refuse = Callable[[int, str, str], None]
"""Notes a refused row: its line number, a sentence, and its sku, or "" if that cannot be read."""
Note = Callable[[int, str], None]
"""Notes a row that is kept: its line number and a sentence."""


@dataclass(frozen=True)
class Row:
    """A checked row, and the number of its line."""

    line: int
    record: ProductRecord


@dataclass(frozen=True)
class ProductRows:
    """All rows of one product, in the order of the file. `is_whole` is False if the file has more
    rows of the product, which were refused or cut off. `refused_head` is the line of a refused row
    that described the product itself. `row_hash` is the hash of the rows, or empty if some are
    missing."""

    sku: str
    rows: list[Row]
    is_whole: bool = True
    refused_head: int | None = None
    hashes: RowHashes = _NO_HASHES


class RowGroups:
    """Collects rows, and returns them product by product, in the order of the products' first rows.

    The rows of a large file wait in a temporary file. Memory then holds only their places and their
    skus. A sku belongs to the first product that claims it: later rows of other products with that
    sku are refused, so that importing the file again changes nothing. Closing the object removes
    the file.

    `known` holds the hashes of the rows of each product when they were imported last. Products
    whose rows have the same hash are left out, and `unchanged` counts them. Rows of known products
    are checked only if they are not left out. `unnamed` counts refused rows of which nobody can
    tell the sku. `note` gets the line of a row whose sku its product has had before, and a
    sentence."""

    def __init__(
        self,
        refuse: Refuse,
        known: Mapping[str, RowHashes] | None = None,
        is_partial: bool = False,
        note: Note = lambda line, sentence: None,
    ) -> None:
        self._refuse, self._note = refuse, note
        spool = tempfile.SpooledTemporaryFile(MAX_BYTES_IN_MEMORY)  # noqa: SIM115
        self._file = spool  # `__exit__` closes it
        self._end = 0
        self._known: Mapping[str, RowHashes] = known or {}
        self._is_hashed = known is not None
        self._is_partial = is_partial
        self._hashes: dict[str, RowHashes] = {}
        self._places: dict[str, array[int]] = {}  # of each row: its place in the file, and its line
        self._owners: dict[str, str] = {}
        self._partial: set[str] = set()
        self._refused_heads: dict[str, int] = {}
        self._left_out: set[str] = set()
        self._is_cut = False
        self.unchanged = self.unnamed = 0

    def __enter__(self) -> "RowGroups":
        return self

    def __exit__(self, *error: object) -> None:
        with suppress(OSError):  # of the last write, which has been reported
            self._file.close()

    def add(self, line: int, raw: Any) -> bool:
        """Checks a row, given as a decoded object or RecordError, and keeps it. Returns False if it
        is refused. Raises OSError if the temporary file cannot be written."""
        sku = _product_sku(raw)
        try:
            if isinstance(raw, RecordError):
                raise raw
            kept: Any = raw
            if sku in self._known:
                self._claim(line, _own_sku(raw), sku)
            else:
                record = self._check(raw)
                kept, sku = Row(line, record), record.product_sku
                self._claim(line, "" if record.is_group else record.sku, sku)
        except RecordError as error:
            self._note_refused(line, raw, error)
            return False
        self._keep(line, sku, raw, kept)
        return True

    def note_cut(self) -> None:
        """Notes that the file ended early, so that rows of any product may be missing."""
        self._is_cut = True

    def prices(self) -> Iterator[ProductRows]:
        """Yields the rows of each product of which only prices and stock have changed, or that a
        partial feed gives nothing else of, without the fields that these do not depend on.
        `products` yields them too, unless they are left out."""
        for sku, places in self._places.items():
            if rows := self._price_rows(sku, places):
                yield ProductRows(sku, rows, hashes=self._hashes_of(sku))

    def _price_rows(self, sku: str, places: "array[int]") -> list[Row]:
        hashes, known = self._hashes_of(sku), self._known.get(sku)
        if known is None:
            rows = [row for _, row in self._read(places)] if self._is_partial else []
            return rows if hashes.whole and all(map(_gives_prices_alone, rows)) else []
        if hashes.differ_in_prices(known):
            with suppress(RecordError):  # `products` says so
                read = self._read(places)
                return [Row(line, self._check(price_row(raw))) for line, raw in read]
        return []

    def leave_out(self, products: Iterable[ProductRows]) -> None:
        """Leaves out products that are written already."""
        self._left_out.update(product.sku for product in products)

    def products(self) -> Iterator[ProductRows]:
        """Yields the rows of each product whose rows have changed."""
        for sku, places in self._places.items():
            if sku in self._left_out:
                continue
            hashes, known = self._hashes_of(sku), self._known.get(sku, _NO_HASHES)
            if hashes.whole and known.whole == hashes.whole:
                self.unchanged += 1
                continue
            rows = list(self._checked(places))
            if rows:
                is_whole = not self._is_cut and sku not in self._partial
                refused_head = self._refused_heads.get(sku)
                yield ProductRows(sku, rows, is_whole, refused_head, self._hashes_of(sku))

    def names(self, sku: str) -> bool:
        """Returns whether the file has a row of this sku, good or refused."""
        return sku in self._places or sku in self._owners or sku in self._partial

    @property
    def refused_skus(self) -> frozenset[str]:
        """The skus of refused rows, of products or of variants."""
        return frozenset(self._partial)

    def _hashes_of(self, sku: str) -> RowHashes:
        is_whole = not self._is_cut and sku not in self._partial
        return self._hashes.get(sku, _NO_HASHES) if is_whole else _NO_HASHES

    def _keep(self, line: int, sku: str, raw: Any, kept: Any) -> None:
        data = pickle.dumps(raw, pickle.HIGHEST_PROTOCOL) if self._is_hashed else b""
        if self._is_hashed:
            self._hashes[sku] = self._hashes.get(sku, _NO_HASHES).add(raw, data)
        if kept is not raw or not data:
            data = pickle.dumps(kept, pickle.HIGHEST_PROTOCOL)
        self._places.setdefault(sku, array("q")).extend((self._end, line))
        self._end += self._file.write(data)

    def _read(self, places: "array[int]") -> Iterator[tuple[int, Any]]:
        """Yields line numbers and what was kept of the rows at these places."""
        for place, line in zip(places[::2], places[1::2], strict=True):
            self._file.seek(place)
            yield line, pickle.load(self._file)

    def _checked(self, places: "array[int]") -> Iterator[Row]:
        """Yields the good rows at these places, and refuses the others."""
        for line, kept in self._read(places):
            if isinstance(kept, Row):
                yield kept
                continue
            try:
                yield Row(line, self._check(kept))
            except RecordError as error:
                self._note_refused(line, kept, error)

    def _check(self, raw: Any) -> ProductRecord:
        return read_record(raw, is_partial=self._is_partial)

    def _claim(self, line: int, sku: str, product_sku: str) -> None:
        if not sku:
            return
        owner = self._owners.get(sku)
        if owner is None:
            self._owners[sku] = product_sku
        elif owner == product_sku:
            self._note(line, f"sku {sku!r} is in the file again; this line counts")
        else:
            raise RecordError(
                f"sku {sku!r} is already a variant of {owner!r} in this file"
                if owner != sku
                else f"sku {sku!r} is already a product of its own in this file"
            )

    def _note_refused(self, line: int, raw: Any, error: RecordError) -> None:
        """Refuses a row, and notes which product it belonged to, as far as that can be read."""
        self._refuse(line, str(error), _text(raw, "sku") or error.sku)
        if isinstance(raw, Mapping):
            if sku := _product_sku(raw):
                self._partial.add(sku)
            if sku and raw.get("is_group") is True:
                self._refused_heads[sku] = line
        elif error.sku:
            self._partial.add(error.sku)
        else:
            self.unnamed += 1


def _gives_prices_alone(row: Row) -> bool:
    return row.record.given is not None and row.record.given <= {"sku", *PRICE_FIELDS}


def _text(raw: Any, name: str) -> str:
    value = raw.get(name) if isinstance(raw, Mapping) else None
    is_text = isinstance(value, str | int | float) and not isinstance(value, bool)
    return str(value).strip() if is_text else ""


def _product_sku(raw: Any) -> str:
    """Returns the sku of the product that an unchecked row belongs to, or ""."""
    return _text(raw, "group") or _text(raw, "sku")


def _own_sku(raw: Any) -> str:
    """Returns the sku that an unchecked row claims; "" for a row that describes a group."""
    return "" if raw.get("is_group") is True else _text(raw, "sku")


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
