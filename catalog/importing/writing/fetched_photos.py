"""Gives products and their variants the photos that were fetched from addresses."""

from collections.abc import Collection, Sequence

from catalog.importing.photos.named_addresses import photo_of
from catalog.importing.photos.photo_files import PhotoFile
from catalog.importing.writing.write_photos import ShownPhotos, write_photos
from catalog.models import AddressedImage, ProductImage, Variant

BATCH_SIZE = 500  # products; many may have one address


def supply_photos(address_ids: Collection[int]) -> None:
    """Gives the photos of these addresses to the products and the variants that name them. Photos
    with equal content stand once in a product. Runs within the caller's transaction, under the
    exclusive lock of addresses."""
    named = AddressedImage.objects.filter(address_id__in=address_ids)
    product_ids = sorted(set(named.values_list("product_id", flat=True)))
    for start in range(0, len(product_ids), BATCH_SIZE):
        batch = product_ids[start : start + BATCH_SIZE]
        shown = write_photos(_wanted_photos(batch, set(address_ids)), others_stay=True)
        _link_variants(shown)


def _wanted_photos(
    product_ids: Sequence[int], address_ids: set[int]
) -> dict[int, dict[int, PhotoFile | None]]:
    """Returns the photos of all addresses of these products, since photos of equal content may
    change places. Photos that the console has put in the place of others stay, until their own
    address is among `address_ids`."""
    images = ProductImage.objects.filter(product_id__in=product_ids)
    present = {
        (product_id, position): digest
        for product_id, position, digest in images.values_list(
            "product_id", "position", "content_hash"
        )
    }
    named = AddressedImage.objects.filter(product_id__in=product_ids).select_related("address")
    wanted: dict[int, dict[int, PhotoFile | None]] = {pk: {} for pk in product_ids}
    for row in named.order_by("product_id", "position"):
        photo = photo_of(row.address)
        digest = present.get((row.product_id, row.position))
        is_own = photo is None or digest in (None, photo.content_hash)
        if row.address_id in address_ids or is_own:
            wanted[row.product_id][row.position] = photo
    return wanted


def _link_variants(shown: dict[int, ShownPhotos]) -> None:
    """Links variants to the photos at the positions that their rows named."""
    changed = []
    for variant in Variant.objects.filter(product_id__in=shown).exclude(image_places=[]):
        photos = shown[variant.product_id].of_variant(variant.image_places, variant.image_ids)
        if photos != variant.image_ids:
            variant.image_ids = photos
            changed.append(variant)
    Variant.objects.bulk_update(changed, ["image_ids"])
