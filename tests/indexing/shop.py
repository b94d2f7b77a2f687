"""A shop for tests: adds products and photos to the catalogue, and reads the index."""

import json
from collections.abc import Sequence
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.db import connection
from PIL import Image

from catalog.index import photo_tags
from catalog.index.live_index import live_generation
from catalog.models import Embedding, Generation, Product, ProductImage
from catalog.models.product import content_hash
from indexing.models import IndexingRun
from indexing.pipeline.rebuild import start_rebuild
from indexing.pipeline.refresh import start_refresh
from indexing.pipeline.worker import work_on
from search.answer import SearchAnswer
from search.photo_search import search
from search.request import SearchRequest


def photo(seed: int | str, format: str = "JPEG") -> bytes:
    """Returns a small picture: of one colour for a name, of sixteen random colours for a number."""
    if isinstance(seed, str):
        image = Image.new("RGB", (64, 64), seed)
    else:
        patches = np.random.default_rng(seed).integers(0, 256, (4, 4, 3), np.uint8)
        image = Image.fromarray(patches.repeat(16, axis=0).repeat(16, axis=1))
    file = BytesIO()
    image.save(file, format, quality=95)
    return file.getvalue()


def store_file(data: bytes, name: str = "photo.jpg") -> str:
    """Saves a file to the storage and returns its name."""
    return default_storage.save(f"products/{name}", ContentFile(data))


def add_product(sku: str, *photos: bytes, **fields: Any) -> Product:
    """Adds a product with these photos."""
    product = Product.objects.create(sku=sku, **{"title": f"Thing {sku}", **fields})
    for data in photos:
        add_photo(product, data)
    return product


def add_photo(product: Product, data: bytes) -> ProductImage:
    return ProductImage.objects.create(
        product=product,
        position=product.images.count(),
        file=store_file(data),
        content_hash=content_hash(data),
    )


def add_products(numbers: Sequence[int], photos_each: int = 1) -> list[Product]:
    """Adds many products. Number 12 has the sku `00012` and the first photo `photo(12)`."""
    products = Product.objects.bulk_create(
        [Product(sku=f"{n:05}", title=f"Thing {n}") for n in numbers]
    )
    images = []
    for n, product in zip(numbers, products, strict=True):
        for position in range(photos_each):
            data = photo(n + 100_000 * position)
            images.append(
                ProductImage(
                    product=product,
                    position=position,
                    file=store_file(data, f"{n}-{position}.jpg"),
                    content_hash=content_hash(data),
                )
            )
    ProductImage.objects.bulk_create(images)
    return products


def replace_photo(image: ProductImage, data: bytes) -> None:
    """Replaces a photo as the admin does: with another file and its hash."""
    image.file, image.content_hash = store_file(data), content_hash(data)
    image.save()


def rebuild(encoder: str = "", publish: bool = True) -> IndexingRun:
    return _work_on(start_rebuild(encoder, publish))


def refresh() -> IndexingRun:
    return _work_on(start_refresh())


def _work_on(run: IndexingRun) -> IndexingRun:
    """Works on a run. Then forgets the tags of photos, which a web process keeps for a minute."""
    done = work_on(run)
    photo_tags._tagger.cache_clear()
    return done


def search_by_photo(data: bytes, **options: Any) -> SearchAnswer:
    """Returns the answer to a search by this photo."""
    return search(SearchRequest(images=(data,), **{"fold": False, **options}))


def found_skus(data: bytes, **options: Any) -> list[str]:
    """Returns the skus that a search by this photo finds, in order."""
    return [result.product.sku for result in search_by_photo(data, **options).results]


def vectors_of(generation: Generation | None = None) -> list[tuple[int, int, str]]:
    """Returns (product, image, content) of every vector of a generation, by default the live
    one."""
    generation = generation or live_generation()
    assert generation is not None
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT product_id, image_id, source_hash FROM {generation.vector_table} ORDER BY 1, 2"
        )
        return cursor.fetchall()


def current_images() -> list[tuple[int, int, str]]:
    """Returns (product, image, content) of every photo of the catalogue."""
    rows = ProductImage.objects.order_by("product_id", "pk")
    return list(rows.values_list("product_id", "pk", "content_hash"))


def embedded_images(encoder_id: int) -> list[tuple[int, int, str]]:
    """Returns (product, image, content) of every embedding by an encoder."""
    rows = Embedding.objects.filter(encoder_id=encoder_id).order_by("product_id", "image_id")
    return list(rows.values_list("product_id", "image_id", "source_hash"))


def table_exists(generation: Generation) -> bool:
    return generation.vector_table in connection.introspection.table_names()


def label_photos(folder: Path, numbers: Sequence[int]) -> str:
    """Writes a labelled photo of each product to the folder. Returns the value of
    LABELLED_PHOTOS."""
    lines = []
    for number in numbers:
        (folder / f"{number}.jpg").write_bytes(photo(number))
        lines.append(json.dumps({"file": f"{number}.jpg", "sku": f"{number:05}"}))
    (folder / "photos.jsonl").write_text("\n".join(lines))
    return str(folder / "photos.jsonl")
