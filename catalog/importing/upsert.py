"""Writes batches of checked rows to the catalogue, identified by sku."""

from collections.abc import Sequence, Set
from dataclasses import replace
from pathlib import PurePosixPath

from django.db import transaction

from catalog.importing.categories import CategoryTree
from catalog.importing.fetching.web_address import is_address
from catalog.importing.photos.feed_images import ReadImage
from catalog.importing.photos.named_addresses import lock_addresses
from catalog.importing.photos.photo_files import store_photo
from catalog.importing.records import ProductRecord
from catalog.importing.rows.keeping import ImportKeeper
from catalog.importing.rows.partial_rows import place_partial_rows
from catalog.importing.rows.row_groups import ProductRows, group_records
from catalog.importing.rows.row_hashes import RowHashes
from catalog.importing.writing.merging import Image, MergedProduct, merge_rows
from catalog.importing.writing.write_photos import replace_photos
from catalog.importing.writing.write_prices import write_prices
from catalog.importing.writing.write_products import write_products
from catalog.importing.writing.write_variants import remove_departed, write_variants


def upsert_products(
    records: Sequence[ProductRecord], read_image: ReadImage, categories: CategoryTree
) -> dict[str, str]:
    """Creates or updates the products of `records`, with all rows of each product among them.
    Returns {sku: error} for the records that are refused. Otherwise does the same as
    `upsert_rows`."""
    _, errors = upsert_rows(group_records(records), read_image, categories)
    return {records[position].sku: error for position, error in errors.items()}


def upsert_rows(
    products: Sequence[ProductRows],
    read_image: ReadImage,
    categories: CategoryTree,
    keeper: ImportKeeper | None = None,
    left_out: dict[int, str] | None = None,
) -> tuple[int, dict[int, str]]:
    """Creates or updates products in one transaction, and writes only what differs. If two rows
    have the same sku, the last one wins. Photos at web addresses are fetched later. Returns the
    number of products, and {line: error} for the rows that are refused, such as those with an
    unreadable image; the others are written. Raises OSError if a photo cannot be stored, and
    OperationalError if the database cannot write; then no product is written. With `left_out`, an
    unreadable image is left out instead of its row, and `left_out` gets {line: sentence}.

    A variant belongs to the product that has claimed it last. A product whose sku has become that
    of a variant is deleted. A variant that its product's rows leave out is deleted, unless one of
    these rows was refused. `keeper` takes part in the transaction."""
    keeper = keeper or ImportKeeper()
    errors: dict[int, str] = {}
    images: dict[str, Image] = {}

    def find_image(name: str) -> Image:
        if name not in images:
            images[name] = name if is_address(name) else _store_image(name, read_image)
        return images[name]

    placed = place_partial_rows(products, errors) if keeper.is_partial else products
    merged = [merge_rows(product, find_image, errors, left_out) for product in placed]
    # Sorted, so that imports at the same time lock rows in one order: no deadlocks.
    good = sorted((product for product in merged if product), key=lambda product: product.sku)
    with transaction.atomic():
        lock_addresses(shared=True)
        keeper.begin_batch()
        ids = _write(good, categories)
        noted = errors.keys() | (left_out or {}).keys()
        keeper.end_batch([_hashed_if_whole(product, noted) for product in products], ids)
    return len(good), errors


def reprice_rows(products: Sequence[ProductRows], keeper: ImportKeeper) -> list[ProductRows]:
    """Writes prices and stock alone, in one transaction, as `upsert_rows` would. The rows need
    nothing else. Returns the products that are written. It leaves out those whose rows are refused,
    that do not exist, or that have other variants than their rows say. Raises OperationalError."""
    errors: dict[int, str] = {}
    placed = place_partial_rows(products, errors) if keeper.is_partial else products
    merged = [merge_rows(product, str, errors) for product in placed]
    refused = {p.sku for p in placed if any(row.line in errors for row in p.rows)}
    good = [product for product in merged if product and product.sku not in refused]
    with transaction.atomic():
        lock_addresses(shared=True)
        keeper.begin_batch()
        ids = write_prices(sorted(good, key=lambda product: product.sku))
        places = {row.line: product.sku for product in placed for row in product.rows}
        written = [p for p in products if places.get(p.rows[0].line) in ids]
        keeper.end_batch(written, ids)
    return written


def _hashed_if_whole(product: ProductRows, noted: Set[int]) -> ProductRows:
    """Forgets the hashes of rows that the next import of the same file is to try again."""
    is_noted = any(row.line in noted for row in product.rows)
    return replace(product, hashes=RowHashes()) if is_noted else product


def _store_image(path: str, read_image: ReadImage) -> Image:
    return store_photo(read_image(path), PurePosixPath(path).suffix.lower())


def _write(products: Sequence[MergedProduct], categories: CategoryTree) -> dict[str, int]:
    remove_departed(products)
    ids = write_products(products, categories)
    photos = replace_photos({ids[p.sku]: p.photos for p in products if p.photos is not None})
    write_variants(products, ids, photos)
    return ids
