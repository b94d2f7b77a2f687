"""Writes the rows of catalog_productimage that an import or a fetch changes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from catalog.importing.photos.named_addresses import name_addresses
from catalog.importing.photos.photo_files import PhotoFile
from catalog.importing.writing.merging import Image
from catalog.models import ProductImage

Wanted = Mapping[int, PhotoFile | None]
"""The photos that a product is to have, by position; None where a photo has yet to be fetched. Of
equal photos, the first one counts."""


@dataclass(frozen=True)
class ShownPhotos:
    """The photos of a product after they are written: `ids`, by position, where equal photos have
    one id. At the positions in `waiting` is a photo from before, until another is fetched."""

    ids: dict[int, int]
    waiting: set[int]

    def of_variant(self, positions: Sequence[int], shown: Sequence[int]) -> list[int]:
        """Returns the ids of the photos at these positions of a variant that shows the photos
        `shown` so far."""
        ids = [(position, self.ids[position]) for position in positions if position in self.ids]
        return list(dict.fromkeys(pk for at, pk in ids if at not in self.waiting or pk in shown))


@dataclass
class _Changes:
    created: list[ProductImage] = field(default_factory=list)
    updated: list[ProductImage] = field(default_factory=list)
    removed: list[int] = field(default_factory=list)


def replace_photos(images: Mapping[int, Sequence[Image]]) -> dict[int, ShownPhotos]:
    """Replaces the photos of products, by their ids, with those wanted, which are different from
    each other. Addresses become the only ones of the products, and their photos follow when they
    are fetched. Until then, products keep the photos that they have at these positions."""
    named = {
        pk: {at: image for at, image in enumerate(given) if isinstance(image, str)}
        for pk, given in images.items()
    }
    fetched = name_addresses(named)
    wanted: dict[int, Wanted] = {}
    for pk, given in images.items():
        files = {at: image for at, image in enumerate(given) if not isinstance(image, str)}
        wanted[pk] = {**files, **fetched[pk]}
    return write_photos(wanted)


def write_photos(
    wanted: Mapping[int, Wanted], *, others_stay: bool = False
) -> dict[int, ShownPhotos]:
    """Writes the photos of products, by their ids. Photos at other positions are removed, or stay
    as they are with `others_stay`. A photo that stays keeps its row, whatever its position, and so
    its embeddings. Writes only rows that differ."""
    present = _read_photos(wanted)
    changes = _Changes()
    for product_id, photos in wanted.items():
        comparison = _Comparison(photos, present[product_id], others_stay)
        comparison.note(product_id, changes)
    ProductImage.objects.filter(pk__in=changes.removed).delete()
    ProductImage.objects.bulk_update(changes.updated, ["file", "content_hash", "position"])
    ProductImage.objects.bulk_create(changes.created)
    written = _read_photos(wanted)
    return {pk: _describe(photos, written[pk]) for pk, photos in wanted.items()}


def _read_photos(product_ids: Mapping[int, Wanted]) -> dict[int, list[ProductImage]]:
    found: dict[int, list[ProductImage]] = {pk: [] for pk in product_ids}
    rows = ProductImage.objects.filter(product_id__in=found).order_by("product_id", "position")
    for image in rows:
        found[image.product_id].append(image)
    return found


class _Comparison:
    """What turns the present photos of a product into those wanted: `chosen` are the different
    photos among them, by position, `kept` are present photos that are among these, by content, and
    `free` are those that go, by position."""

    def __init__(self, photos: Wanted, present: Sequence[ProductImage], others_stay: bool) -> None:
        stays = {image.pk for image in present if image.position not in photos and others_stay}
        taken = {image.content_hash for image in present if image.pk in stays}
        self.chosen: dict[int, PhotoFile] = {}
        for position, photo in photos.items():
            if photo is not None and photo.content_hash not in taken:
                self.chosen[position] = photo
                taken.add(photo.content_hash)
        for image in present:  # a photo that waits for another one stays, if it is different
            is_waiting = image.position in photos and photos[image.position] is None
            if is_waiting and image.content_hash not in taken:
                stays.add(image.pk)
                taken.add(image.content_hash)
        digests = {photo.content_hash for photo in self.chosen.values()}
        self.kept: dict[str, ProductImage] = {}
        for image in present:
            if image.pk not in stays and image.content_hash in digests:
                self.kept.setdefault(image.content_hash, image)
        stays |= {image.pk for image in self.kept.values()}
        self.free = {image.position: image for image in present if image.pk not in stays}

    def note(self, product_id: int, changes: _Changes) -> None:
        for position, (name, digest) in self.chosen.items():
            old = self.kept.get(digest) or self.free.pop(position, None)
            if old is None:
                changes.created.append(
                    ProductImage(
                        product_id=product_id, position=position, file=name, content_hash=digest
                    )
                )
            elif (old.position, old.content_hash) != (position, digest):
                old.position = position
                if old.content_hash != digest:
                    old.file, old.content_hash = name, digest
                changes.updated.append(old)
        changes.removed += [image.pk for image in self.free.values()]


def _describe(photos: Wanted, written: Sequence[ProductImage]) -> ShownPhotos:
    by_hash = {image.content_hash: image.pk for image in written}
    ids = {image.position: image.pk for image in written}
    for position, photo in photos.items():
        if photo is not None:
            ids.setdefault(position, by_hash[photo.content_hash])
    return ShownPhotos(ids, {at for at, photo in photos.items() if photo is None})
