"""Writes batches of checked records to the catalogue, identified by sku."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import PurePosixPath

from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.db import transaction

from catalog.importing.categories import CategoryTree
from catalog.importing.records import ProductRecord, RecordError
from catalog.models import Product, ProductImage
from catalog.models.product import content_hash

ReadImage = Callable[[str], bytes]
"""Returns the bytes behind an image path of a record, or raises RecordError."""

_UPDATED_FIELDS = [
    *("category", "attributes", "updated_at", "title", "title_ru", "description", "brand"),
    *("keywords", "price", "currency", "in_stock", "is_visible", "popularity", "url"),
]
_IMAGE_SUFFIXES = {
    *(".jpg", ".jpeg", ".png", ".webp", ".gif", ".bmp", ".tif", ".tiff", ".heic", ".avif")
}


def upsert_products(
    records: Sequence[ProductRecord], read_image: ReadImage, categories: CategoryTree
) -> dict[str, str]:
    """Creates or updates the products of `records` in one transaction. If two records have the
    same sku, the last one wins. Returns {sku: error} for the records with an unreadable image, and
    writes the others. Raises OSError if a photo cannot be stored, and OperationalError if the
    database cannot write; then no product is written."""
    by_sku = {record.sku: record for record in records}
    errors: dict[str, str] = {}
    stored: dict[str, list[tuple[str, str]]] = {}
    for record in by_sku.values():
        try:
            stored[record.sku] = [_store_image(path, read_image) for path in record.images or ()]
        except RecordError as error:
            errors[record.sku] = str(error)
    good = {sku: record for sku, record in by_sku.items() if sku not in errors}
    with transaction.atomic():
        _write_products(list(good.values()), categories)
        _write_images({s: stored[s] for s, record in good.items() if record.images is not None})
    return errors


def _store_image(path: str, read_image: ReadImage) -> tuple[str, str]:
    """Stores an image under the hash of its content, so that equal photos share one file. Returns
    (name in the storage, content hash). If it raises OSError, it leaves no partial file."""
    data = read_image(path)
    digest = content_hash(data)
    suffix = PurePosixPath(path).suffix.lower()
    if suffix not in _IMAGE_SUFFIXES:
        suffix = ".img"
    name = f"products/{digest[:2]}/{digest}{suffix}"
    # A full disk or a killed import may have left a partial file.
    exists = default_storage.exists(name)
    if not exists or default_storage.size(name) != len(data):
        try:
            name = default_storage.save(name, ContentFile(data))
        except OSError:
            if not exists:
                default_storage.delete(name)
            raise
    return name, digest


def _write_products(records: Sequence[ProductRecord], categories: CategoryTree) -> None:
    Product.objects.bulk_create(
        [
            Product(
                sku=record.sku,
                category=categories.category_for(record),
                attributes=record.attributes,
                **record.fields,
            )
            # Sorted, so that imports at the same time lock rows in one order: no deadlocks.
            for record in sorted(records, key=lambda record: record.sku)
        ],
        update_conflicts=True,
        unique_fields=["sku"],
        update_fields=_UPDATED_FIELDS,
    )


def _write_images(wanted: Mapping[str, list[tuple[str, str]]]) -> None:
    """Replaces each product's photos with those wanted (name in the storage, content hash), and
    writes only the rows that differ."""
    ids = dict(Product.objects.filter(sku__in=wanted).values_list("sku", "id"))
    present = {
        (image.product_id, image.position): image
        for image in ProductImage.objects.filter(product_id__in=ids.values())
    }
    created, updated = [], []
    for sku, files in wanted.items():
        for position, (name, digest) in enumerate(files):
            image = present.pop((ids[sku], position), None)
            if image is None:
                created.append(
                    ProductImage(
                        product_id=ids[sku], position=position, file=name, content_hash=digest
                    )
                )
            elif image.content_hash != digest:
                image.file, image.content_hash = name, digest
                updated.append(image)
    ProductImage.objects.filter(pk__in=[image.pk for image in present.values()]).delete()
    ProductImage.objects.bulk_update(updated, ["file", "content_hash"])
    ProductImage.objects.bulk_create(created)
