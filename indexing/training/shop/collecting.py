"""Collects what an encoder learns from: the visible products with their texts and photos, and the
photos of searches in which a product was clicked.

Everything is copied into a folder, with the photos scaled down. Training reads nothing else, so it
is not disturbed when the catalogue changes, and it resumes with the same data."""

import json
import logging
from collections.abc import Callable, Container, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from django.core.files.storage import default_storage
from django.db import connection
from PIL import Image

from catalog.imaging.image_decoding import ImageError, decode_image
from catalog.models import Product
from indexing.ledger.chunking import Check
from indexing.training.shop.clicked_photos import ClickedPhoto
from indexing.training.shop.lesson_folder import CATALOG, CLICKS

MAX_PRODUCTS = 5_000
MAX_PHOTOS = 6  # of one product
MAX_SIDE = 448  # pixels of a photo; details are cut out of it
JPEG_QUALITY = 92
BYTES_PER_PHOTO = 60_000  # at most, of nearly all
THREADS = 2
PHOTOS_PER_CHECK = 64
MIN_HELD_OUT_SHARE, MAX_HELD_OUT_SHARE = 0.2, 1 / 3  # of the products
HELD_OUT_PRODUCTS = 100  # that smaller catalogues hold out, up to MAX_HELD_OUT_SHARE


log = logging.getLogger("vitrina.indexing")

# Photos that the encoder in use has embedded can be decoded. A content that several products have,
# such as a table of sizes, shows none of them. The order is that of the self-test's sample.
# It joins nothing twice: the planner expects a handful of photos, and would choose nested loops.
EMBEDDED = """
    catalog_productimage image
    JOIN catalog_product product ON product.id = image.product_id AND product.is_visible
    JOIN catalog_embedding embedding ON embedding.encoder_id = %(encoder)s
        AND embedding.product_id = image.product_id AND embedding.image_id = image.id
        AND embedding.source_hash = image.content_hash
"""
PHOTOS = f"""
    WITH photo AS (
        SELECT DISTINCT ON (image.product_id, image.content_hash)
            image.product_id, image.id, image.file, image.content_hash, image.position
        FROM {EMBEDDED}
        ORDER BY image.product_id, image.content_hash, image.position
    ), counted AS (
        SELECT *, count(*) OVER (PARTITION BY content_hash) AS copies FROM photo
    ), numbered AS (
        SELECT *, md5(product_id::text) AS key,
            row_number() OVER (PARTITION BY product_id ORDER BY position, id) AS number
        FROM counted WHERE copies = 1
    ), ranked AS (
        SELECT *, dense_rank() OVER (ORDER BY key) AS place FROM numbered
    )
    SELECT product_id, id, file, content_hash FROM ranked
    WHERE place <= %(products)s AND number <= %(photos)s ORDER BY key, number
"""
COUNT = f"""
    SELECT count(*), count(DISTINCT product_id)
    FROM (SELECT image.product_id FROM {EMBEDDED} LIMIT %(most)s) photo
"""


@dataclass(frozen=True)
class CataloguePhoto:
    """A photo of a product, in the storage."""

    product_id: int
    image_id: int
    file: str
    content_hash: str

    @property
    def copy(self) -> str:
        """The name of its copy in the folder."""
        return f"images/{self.image_id}-{self.content_hash[:12]}.jpg"


@dataclass(frozen=True)
class Lessons:
    """What an encoder is to learn: `photos` of products. `held_out`: the ids of the products that
    are set aside to measure on."""

    photos: list[CataloguePhoto]
    held_out: list[int]

    @property
    def products(self) -> int:
        return len({photo.product_id for photo in self.photos})


@dataclass(frozen=True)
class Collected:
    """What a folder holds: products, their photos, and photos of searches with a click.
    `unreadable`: photos that were left out."""

    products: int
    photos: int
    clicks: int
    unreadable: int


def choose_lessons(encoder_id: int) -> Lessons:
    """Chooses up to MAX_PRODUCTS visible products that this encoder has embedded, and up to
    MAX_PHOTOS photos of each. The hash of the id decides which ones. The first of them are set
    aside, with which the sample of the self-test begins too."""
    with connection.cursor() as cursor:
        cursor.execute(
            PHOTOS, {"encoder": encoder_id, "products": MAX_PRODUCTS, "photos": MAX_PHOTOS}
        )
        photos = [CataloguePhoto(*row) for row in cursor.fetchall()]
    products = list(dict.fromkeys(photo.product_id for photo in photos))
    trained = set(products[count_held_out(len(products)) :])
    return Lessons(
        [photo for photo in photos if photo.product_id in trained],
        [product for product in products if product not in trained],
    )


def count_lessons(encoder_id: int) -> tuple[int, int, int]:
    """Returns about how many photos and products there are to learn from, and how many products are
    set aside. It reads at most MAX_PRODUCTS * MAX_PHOTOS photos."""
    with connection.cursor() as cursor:
        cursor.execute(COUNT, {"encoder": encoder_id, "most": MAX_PRODUCTS * MAX_PHOTOS})
        photos, products = cursor.fetchone()
    chosen = min(products, MAX_PRODUCTS)
    held_out = count_held_out(chosen)
    photos_each = min(photos / max(1, products), MAX_PHOTOS)
    return round(photos_each * (chosen - held_out)), chosen - held_out, held_out


def count_held_out(products: int) -> int:
    """Returns how many of so many products are set aside."""
    share = HELD_OUT_PRODUCTS / max(1, products)
    return round(products * min(MAX_HELD_OUT_SHARE, max(MIN_HELD_OUT_SHARE, share)))


def collect(
    photos: Sequence[CataloguePhoto],
    clicks: Iterable[ClickedPhoto],
    folder: Path,
    check: Check,
    report: Callable[[int], None] = lambda done: None,
) -> Collected:
    """Copies photos, their products and clicks on these into the folder. Copies that are there
    already are kept. Leaves out photos that cannot be read. Calls `report` with the number of
    photos done. Raises OSError if the folder cannot be written."""
    (folder / "images").mkdir(parents=True, exist_ok=True)
    copied: dict[int, list[str]] = {}
    with ThreadPoolExecutor(THREADS, thread_name_prefix="collect") as threads:
        for start in range(0, len(photos), PHOTOS_PER_CHECK):
            part = photos[start : start + PHOTOS_PER_CHECK]
            results = threads.map(partial(_copy_photo, folder=folder), part)
            for photo, is_copied in zip(part, results, strict=True):
                if is_copied:
                    copied.setdefault(photo.product_id, []).append(photo.copy)
            report(start + len(part))
            check()
    count = sum(map(len, copied.values()))
    clicked = _write_clicks(clicks, folder, copied.keys(), check)
    _write_lines(folder / CATALOG, _describe_products(copied))
    return Collected(len(copied), count, clicked, len(photos) - count)


def _copy_photo(photo: CataloguePhoto, folder: Path) -> bool:
    path = folder / photo.copy
    if path.exists():
        return True
    try:
        with default_storage.open(photo.file, "rb") as file:
            image = decode_image(file.read(), at_least=MAX_SIDE)
    except (OSError, ImageError) as error:
        log.warning("%s is not trained on: %s", photo.file, error)
        return False
    _save_photo(image, path)
    return True


def _save_photo(image: Image.Image, path: Path) -> None:
    image.thumbnail((MAX_SIDE, MAX_SIDE), Image.Resampling.LANCZOS)
    part = path.with_suffix(".part")
    image.save(part, "JPEG", quality=JPEG_QUALITY)
    part.replace(path)


def _describe_products(files: dict[int, list[str]]) -> Iterable[dict]:
    """Yields the products as `pairs.read_items` reads them. The id stands for the sku."""
    products = Product.objects.select_related("category").in_bulk(list(files))
    for product_id, images in files.items():
        if (product := products.get(product_id)) is None:
            continue  # it was deleted meanwhile
        category = product.category
        names = [category.name, category.name_ru] if category else []
        yield {
            "sku": str(product_id),
            "title": product.title,
            "title_ru": product.title_ru,
            "category": category.slug if category else "",
            "keywords": [*filter(None, names), *product.keywords],
            "images": images,
        }


def _write_clicks(
    clicks: Iterable[ClickedPhoto], folder: Path, products: Container[int], check: Check
) -> int:
    """Copies the photos in which these products were clicked. Returns their number."""
    rows = []
    for click in clicks:
        if click.product_id not in products:
            continue
        path = folder / "images" / f"search-{click.query_id}.jpg"
        if not path.exists():
            try:
                image = decode_image(click.file.read_bytes(), at_least=MAX_SIDE)
            except (OSError, ImageError):
                continue  # its time is over, or the file is incomplete
            _save_photo(image, path)
        rows.append({"file": f"images/{path.name}", "sku": str(click.product_id)})
        check()
    _write_lines(folder / CLICKS, rows)
    return len(rows)


def _write_lines(path: Path, rows: Iterable[dict]) -> None:
    part = path.with_suffix(".part")
    part.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    part.replace(path)
