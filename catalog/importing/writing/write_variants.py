"""Writes the rows of catalog_variant that an import changes."""

from collections.abc import Mapping, Sequence

from django.db.models import Q

from catalog.importing.writing.merging import MergedProduct
from catalog.importing.writing.write_photos import ShownPhotos
from catalog.models import Product, Variant

_FIELDS = [
    *("product_id", "position", "options", "price", "in_stock", "url"),
    *("image_ids", "image_places"),
]


def remove_departed(products: Sequence[MergedProduct]) -> None:
    """Deletes the variants that left these products or belong to another of them now, and the
    products that have become variants."""
    owners = {variant.sku: product.sku for product in products for variant in product.variants}
    alone = {product.sku: product.sku for product in products if not product.variants}
    whole = {product.sku for product in products if product.is_whole}
    named = Variant.objects.filter(
        Q(sku__in=[*owners, *alone]) | Q(product__sku__in=whole)
    ).values_list("pk", "sku", "product__sku")
    departed = [
        pk
        for pk, sku, product in named
        if owners.get(sku, alone.get(sku)) not in (None, product)
        or (product in whole and owners.get(sku) != product)
    ]
    Variant.objects.filter(pk__in=departed).delete()
    merged = {product.sku for product in products}
    joined = Product.objects.filter(sku__in=[sku for sku in owners if sku not in merged])
    joined.filter(variants=None).delete()


def write_variants(
    products: Sequence[MergedProduct], ids: Mapping[str, int], photos: Mapping[int, ShownPhotos]
) -> None:
    """Creates or updates the variants of products, and leaves those alone that stay the same.
    `photos`: those of the products whose photos are known, by the ids of products."""
    skus = [variant.sku for product in products for variant in product.variants]
    present = {variant.sku: variant for variant in Variant.objects.filter(sku__in=skus)}
    written = []
    for product in products:
        for position, merged in enumerate(product.variants):
            old = present.get(merged.sku)
            wanted = Variant(
                product_id=ids[product.sku],
                sku=merged.sku,
                position=position,
                options=merged.options,
                price=merged.price,
                in_stock=merged.in_stock,
                url=merged.url,
                image_ids=old.image_ids if old else [],
                image_places=old.image_places if old else [],
            )
            if old is not None and merged.given is not None:
                _keep_what_is_not_given(wanted, old, merged.given)
            if product.photos is not None and merged.photos is not None:
                shown = photos[wanted.product_id]
                wanted.image_ids = shown.of_variant(merged.photos, wanted.image_ids)
                has_addresses = any(isinstance(product.photos[at], str) for at in merged.photos)
                wanted.image_places = merged.photos if has_addresses else []
            if old is None or any(getattr(old, f) != getattr(wanted, f) for f in _FIELDS):
                written.append(wanted)
    Variant.objects.bulk_create(
        written, update_conflicts=True, unique_fields=["sku"], update_fields=_FIELDS
    )
    _forget_places(skus, photos)


def _keep_what_is_not_given(wanted: Variant, old: Variant, given: frozenset[str]) -> None:
    wanted.position = old.position
    for name in ("options", "price", "in_stock", "url"):
        if name not in given:
            setattr(wanted, name, getattr(old, name))


def _forget_places(skus: Sequence[str], photos: Mapping[int, ShownPhotos]) -> None:
    """Forgets where the photos of variants stood that these products keep and the file left out."""
    left_out = Variant.objects.filter(product_id__in=photos).exclude(sku__in=skus)
    left_out.exclude(image_places=[]).update(image_places=[])
