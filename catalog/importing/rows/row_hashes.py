"""Hashes by which rows are recognised that have not changed since they were imported last."""

import pickle
from collections.abc import Mapping
from hashlib import blake2b
from typing import Any, NamedTuple

from catalog.importing.records import REGULAR_PRICE

HASH_BYTES = 16
PRICE_FIELDS = frozenset({"price", "in_stock", REGULAR_PRICE})
# The fields that tell which product or variant a price is of, and whether it counts.
_FIELDS_OF_PRICES = (
    *("sku", "group", "is_group", "options", "is_visible", "currency"),
    *sorted(PRICE_FIELDS),
)


class RowHashes(NamedTuple):
    """Hashes of the rows of a product: of `whole` rows, and of the `rest` of them without prices
    and stock. Empty if rows are missing."""

    whole: bytes = b""
    rest: bytes = b""

    def add(self, raw: Mapping[str, Any], pickled: bytes) -> "RowHashes":
        """Returns the hashes with one more row. `pickled`: the same row."""
        rest = {name: value for name, value in raw.items() if name not in PRICE_FIELDS}
        return RowHashes(
            _hash(self.whole + pickled),
            _hash(self.rest + pickle.dumps(rest, pickle.HIGHEST_PROTOCOL)),
        )

    def differ_in_prices(self, known: "RowHashes") -> bool:
        """Whether prices and stock alone differ from rows that are known."""
        return bool(known.rest) and self.rest == known.rest and self.whole != known.whole


def price_row(raw: Mapping[str, Any]) -> dict[str, Any]:
    """Returns a row without the fields that prices and stock do not depend on."""
    return {name: raw[name] for name in _FIELDS_OF_PRICES if name in raw}


def _hash(data: bytes) -> bytes:
    return blake2b(data, digest_size=HASH_BYTES).digest()
