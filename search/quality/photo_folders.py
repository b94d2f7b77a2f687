"""Folders of labelled photos with a catalogue of their own, and databases to search them in."""

import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from django.conf import settings
from django.db import connection
from django.test import override_settings

from catalog.demo.synthetic import scratch_database
from catalog.importing.files import ImportReport, import_file, import_lines
from catalog.models import Product
from catalog.quality.labelled_photos import LabelledPhoto, PhotosError, read_photos

PRODUCTS = "products.jsonl"
PHOTOS = "photos.jsonl"
CATALOGUE_SPLIT = "train"  # in a folder without products, its photos are the catalogue
DEFAULT_SPLIT = "dev"


@dataclass(frozen=True)
class PhotoFolder:
    """A folder with `photos` to search by, and a catalogue to search in: the products of its
    PRODUCTS, or without that file one product for each photo of `catalogue`, with the photo's
    kind as its title and category."""

    path: Path
    photos: list[LabelledPhoto]
    catalogue: list[LabelledPhoto]

    @property
    def skus_by_kind(self) -> dict[str, set[str]]:
        """The products of each kind; none for a folder with PRODUCTS."""
        found: dict[str, set[str]] = {photo.kind: set() for photo in self.photos}
        for photo in self.catalogue:
            found.setdefault(photo.kind, set()).add(self._sku(photo))
        return found

    def import_products(self, progress: Callable[[int], None] = lambda n: None) -> ImportReport:
        """Imports the catalogue. Raises ImportFailed, or PhotosError if a photo shows a product
        that is not in it."""
        if not self.catalogue:
            report = import_file(self.path / PRODUCTS, progress=progress)
            skus = {photo.sku for photo in self.photos}
            known = Product.objects.filter(sku__in=skus).values_list("sku", flat=True)
            if unknown := sorted(skus - set(known)):
                raise PhotosError(
                    f"{self.path / PHOTOS} names {len(unknown)} products that are not in the"
                    f" catalogue, such as {unknown[0]!r}."
                )
            return report
        rows = [
            {"sku": sku, "title": photo.kind, "category": photo.kind, "images": [sku]}
            for photo in self.catalogue
            for sku in [self._sku(photo)]
        ]
        return import_lines(iter(enumerate(rows, 1)), self.path, progress)

    def _sku(self, photo: LabelledPhoto) -> str:
        return str(photo.path.relative_to(self.path))


def read_photo_folder(path: Path, split: str = "") -> PhotoFolder:
    """Reads PHOTOS of a folder. To search by are the photos of `split`, by default those of
    DEFAULT_SPLIT if there are any, and otherwise all that are not in the catalogue. Raises
    PhotosError."""
    by_kind = not (path / PRODUCTS).is_file()
    if by_kind and not (path / PHOTOS).is_file():
        raise PhotosError(f"{path} has no {PHOTOS}.")
    listed = read_photos(path / PHOTOS, by_kind=by_kind)
    splits = sorted({photo.split for photo in listed} - {""})
    split = split or (DEFAULT_SPLIT if DEFAULT_SPLIT in splits else "")
    catalogue = [photo for photo in listed if by_kind and photo.split == CATALOGUE_SPLIT]
    if by_kind and not catalogue:
        raise PhotosError(
            f"{path} has no {PRODUCTS}, and no photos of the split {CATALOGUE_SPLIT!r} that could"
            " be its catalogue."
        )
    if by_kind and split == CATALOGUE_SPLIT:
        raise PhotosError(f"The photos of the split {split!r} are the catalogue of {path}.")
    searched = {photo.path for photo in catalogue}
    photos = [
        photo for photo in listed if photo.path not in searched and split in ("", photo.split)
    ]
    if not photos:
        named = f" of the split {split!r}" if split else ""
        raise PhotosError(
            f"{path / PHOTOS} has no photos{named}. Its splits are: {', '.join(splits) or 'none'}."
        )
    missing = [photo.path for photo in (*photos, *catalogue) if not photo.path.is_file()]
    if missing:
        raise PhotosError(f"{len(missing)} photos of {path} are missing, such as {missing[0]}.")
    return PhotoFolder(path, photos, catalogue)


@contextmanager
def scratch_shop() -> Iterator[None]:
    """Runs the block on an empty shop: a database and a media folder of its own, which are removed
    afterwards. It has no labelled photos, and keeps no photos of searches."""
    settings.DATA_DIR.mkdir(parents=True, exist_ok=True)
    name = f"{connection.settings_dict['NAME']}_evaluate"
    with (
        tempfile.TemporaryDirectory(prefix="evaluate-", dir=settings.DATA_DIR) as folder,
        override_settings(MEDIA_ROOT=folder, LABELLED_PHOTOS="", QUERY_PHOTO_KEPT_S=0),
        scratch_database(name),
    ):
        yield
