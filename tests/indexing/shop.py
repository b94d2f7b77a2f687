"""A shop for tests: products with photos in the catalogue, and what stands in the index of them."""

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
    """A small picture: of one colour for its name, a patchwork of sixteen colours for a number."""
    if isinstance(seed, str):
        image = Image.new("RGB", (64, 64), seed)
    else:
        patches = np.random.default_rng(seed).integers(0, 256, (4, 4, 3), np.uint8)
        image = Image.fromarray(patches.repeat(16, axis=0).repeat(16, axis=1))
    file = BytesIO()
    image.save(file, format, quality=95)
    return file.getvalue()


def stored(data: bytes, name: str = "photo.jpg") -> str:
    """Puts a file into the storage; gives its name there."""
    return default_storage.save(f"products/{name}", ContentFile(data))


def add_product(sku: str, *photos: bytes, **fields: Any) -> Product:
    """A product with these photos."""
    product = Product.objects.create(sku=sku, **{"title": f"Thing {sku}", **fields})
    for data in photos:
        add_photo(product, data)
    return product


def add_photo(product: Product, data: bytes) -> ProductImage:
    return ProductImage.objects.create(
        product=product,
        position=product.images.count(),
        file=stored(data),
        content_hash=content_hash(data),
    )


def add_products(numbers: Sequence[int], photos_each: int = 1) -> list[Product]:
    """Many products at once, sku `00012` for number 12, whose first photo is `photo(12)`."""
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
                    file=stored(data, f"{n}-{position}.jpg"),
                    content_hash=content_hash(data),
                )
            )
    ProductImage.objects.bulk_create(images)
    return products


def replace_photo(image: ProductImage, data: bytes) -> None:
    """As the admin does it: another file, under another name, with its hash."""
    image.file, image.content_hash = stored(data), content_hash(data)
    image.save()


def rebuild(encoder: str = "", publish: bool = True) -> IndexingRun:
    return work_on(start_rebuild(encoder, publish))


def refresh() -> IndexingRun:
    return work_on(start_refresh())


def found(data: bytes, **how: Any) -> SearchAnswer:
    """The answer to a search by this photo."""
    return search(SearchRequest(images=(data,), **{"fold": False, **how}))


def skus(data: bytes, **how: Any) -> list[str]:
    """What a search by this photo shows, in order."""
    return [result.product.sku for result in found(data, **how).results]


def vectors_of(generation: Generation | None = None) -> list[tuple[int, int, str]]:
    """(product, image, content) of every vector of a generation: the live one by default."""
    generation = generation or live_generation()
    assert generation is not None
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT product_id, image_id, source_hash FROM {generation.vector_table} ORDER BY 1, 2"
        )
        return cursor.fetchall()


def images_now() -> list[tuple[int, int, str]]:
    """(product, image, content) of every photo of the catalogue."""
    rows = ProductImage.objects.order_by("product_id", "pk")
    return list(rows.values_list("product_id", "pk", "content_hash"))


def embedded(encoder_id: int) -> list[tuple[int, int, str]]:
    """(product, image, content) of every embedding by an encoder."""
    rows = Embedding.objects.filter(encoder_id=encoder_id).order_by("product_id", "image_id")
    return list(rows.values_list("product_id", "image_id", "source_hash"))


def table_exists(generation: Generation) -> bool:
    return generation.vector_table in connection.introspection.table_names()


def label_photos(folder: Path, numbers: Sequence[int]) -> str:
    """A labelled photo of each of these products, in the folder; gives LABELLED_PHOTOS for it."""
    lines = []
    for number in numbers:
        (folder / f"{number}.jpg").write_bytes(photo(number))
        lines.append(json.dumps({"file": f"{number}.jpg", "sku": f"{number:05}"}))
    (folder / "photos.jsonl").write_text("\n".join(lines))
    return str(folder / "photos.jsonl")
