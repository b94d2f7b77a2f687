"""What an import remembers of the rows that it writes, and compares others with."""

from collections.abc import Mapping, Sequence

from catalog.importing.rows.row_groups import ProductRows, RowGroups
from catalog.importing.rows.row_hashes import RowHashes


class ImportKeeper:
    """The keeper of an import that remembers nothing. Others override what they need.

    `known`: the hashes of the rows of each product, by sku, when they were imported last; rows with
    the same hash are left out. None: rows are not hashed. `is_partial`: what rows leave out stays
    as it is."""

    known: Mapping[str, RowHashes] | None = None
    is_partial = False

    def decide(self, groups: RowGroups) -> None:
        """Is called once, when all rows are read and before any is written. Raises ImportFailed to
        end the import."""

    def begin_batch(self) -> None:
        """Is called in each transaction that writes, before it writes. Raises ImportFailed to end
        the import."""

    def end_batch(self, products: Sequence[ProductRows], ids: Mapping[str, int]) -> None:
        """Is called at the end of the same transaction. `products`: those of the batch, with hashes
        of those without refused rows; `ids`: the ids of the products that were written, by sku."""

    def finish(self) -> None:
        """Is called when all batches of a feed that was not cut off are written."""
