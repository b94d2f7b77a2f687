"""The floor that searches are compared with: plain features and exact search, without training,
objects, projection, graph and ranking."""

from collections.abc import Callable, Sequence

import numpy as np

from catalog.imaging.image_decoding import WHOLE, Box, ImageError, decode_image
from catalog.models import ProductImage
from catalog.quality.retrieval import nearest_products
from catalog.visual.plain_features import BATCH_SIZE, PREPROCESSING, PlainFeatures


class Floor:
    """Exact search by plain features among photos of products. `vectors`: of the photos, float32
    (n, 1280), unit length; `skus`: of their products, n of them."""

    def __init__(self, features: PlainFeatures, vectors: np.ndarray, skus: Sequence[str]) -> None:
        self._features, self._vectors, self._skus = features, vectors, skus

    def search(self, photos: Sequence[bytes], box: Box | None, limit: int) -> list[str]:
        """Returns the skus of the `limit` products nearest to a query, nearest first. `box` is a
        part of the first photo. Several photos are searched by their mean. Raises ImageError."""
        boxes = [box, *[None] * (len(photos) - 1)]
        images = [
            decode_image(data, box=part or WHOLE, at_least=PREPROCESSING.width)
            for data, part in zip(photos, boxes, strict=True)
        ]
        query = self._features.encode_images(images).mean(axis=0)
        return nearest_products(self._vectors @ query, self._skus, limit)


def build_floor(progress: Callable[[int], None] = lambda n: None) -> Floor:
    """Encodes all photos of the visible products. Leaves out photos that cannot be read. Raises
    ModuleNotFoundError without the package of the weights."""
    features = PlainFeatures()
    rows = ProductImage.objects.filter(product__is_visible=True).select_related("product")
    vectors, skus = [features.encode_images([])], []
    photos = list(rows.order_by("product_id", "pk"))
    for start in range(0, len(photos), BATCH_SIZE):
        images = []
        for photo in photos[start : start + BATCH_SIZE]:
            try:
                with photo.file.open("rb") as file:
                    images.append(decode_image(file.read(), at_least=PREPROCESSING.width))
            except (ImageError, OSError):
                continue
            skus.append(photo.product.sku)
        vectors.append(features.encode_images(images))
        progress(len(photos[start : start + BATCH_SIZE]))
    return Floor(features, np.concatenate(vectors), skus)
