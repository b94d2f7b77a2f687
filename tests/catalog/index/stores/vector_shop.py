"""A shop for tests of vector stores. Each test chooses the directions of its photos' embeddings."""

from copy import copy

import numpy as np
from django.db import connection
from psycopg import sql

from catalog.index.live_index import IndexSpace
from catalog.index.search_statement import VectorQuery
from catalog.index.vector_store import PhotoVector, VectorStore
from catalog.models import Embedding, EncoderVersion, Generation, Product, ProductImage

DIMENSIONS = 8  # of the index space
PROJECTED = 4
EAST, NORTH, UP, _ = np.eye(PROJECTED, DIMENSIONS, dtype=np.float32)
PROJECTION = np.eye(PROJECTED, DIMENSIONS, dtype=np.float32)


def unit(direction: np.ndarray) -> np.ndarray:
    return (direction / np.linalg.norm(direction)).astype(np.float32)


class Shop:
    """Products with photos, one generation that holds their vectors, and its encoder."""

    def __init__(self, store: VectorStore) -> None:
        self.store = store
        self.encoder = EncoderVersion.objects.create(
            name="hand-made", source="", checksum="0" * 64, dimensions=DIMENSIONS
        )
        self.generation = self.add_generation()
        self.space = IndexSpace(self.generation, PROJECTION)

    @classmethod
    def of(cls, shop: "Shop", generation: Generation) -> "Shop":
        """Returns the same shop with another generation."""
        other = copy(shop)
        other.generation, other.space = generation, IndexSpace(generation, PROJECTION)
        return other

    def add_generation(self) -> Generation:
        return Generation.objects.create(encoder=self.encoder, hnsw_m=4, hnsw_ef_construction=16)

    def add(self, sku: str, *directions: np.ndarray, **fields: object) -> Product:
        """Creates a product with a photo for each direction."""
        product = Product.objects.create(sku=sku, **fields)
        for place, direction in enumerate(directions):
            image = ProductImage.objects.create(
                product=product, position=place, file="x.webp", content_hash=f"{sku}-{place}"
            )
            self.embed(image, direction)
        return product

    def add_many(self, directions: np.ndarray, **fields: object) -> list[Product]:
        """Creates a product with a photo for each direction, at once. Their skus are numbers."""
        products = Product.objects.bulk_create(
            Product(sku=f"{number}", **fields) for number in range(len(directions))
        )
        images = ProductImage.objects.bulk_create(
            ProductImage(product=product, file="x.webp", content_hash=product.sku)
            for product in products
        )
        Embedding.objects.bulk_create(
            Embedding(
                encoder=self.encoder,
                product_id=image.product_id,
                image_id=image.pk,
                source_hash=image.content_hash,
                vector=unit(direction).tolist(),
            )
            for image, direction in zip(images, directions, strict=True)
        )
        return products

    def embed(self, image: ProductImage, direction: np.ndarray) -> None:
        key = {"encoder": self.encoder, "product_id": image.product_id, "image_id": image.pk}
        Embedding.objects.filter(**key).delete()
        Embedding.objects.create(
            **key, source_hash=image.content_hash, vector=unit(direction).tolist()
        )

    def photos_of(self, *products: Product) -> list[PhotoVector]:
        """Returns the projected embeddings of these products."""
        ids = [product.pk for product in products]
        rows = Embedding.objects.filter(encoder=self.encoder, product_id__in=ids)
        return [
            PhotoVector(
                row.product_id,
                row.image_id,
                row.source_hash,
                self.space.project(np.asarray(row.vector, np.float32)[None])[0],
            )
            for row in rows.order_by("product_id", "image_id")
        ]

    def write(self, *products: Product) -> None:
        """Writes these products as a rebuild does."""
        self.store.create(self.generation)
        self.fill(*products)
        self.store.build_graph(self.generation)

    def fill(self, *products: Product) -> None:
        ids = [product.pk for product in products]
        self.store.fill(self.generation, min(ids), max(ids), self.photos_of(*products))

    def contents(self) -> list[tuple[int, int, str]]:
        query = self.store.contents(self.generation)
        with connection.cursor() as cursor:
            cursor.execute(query + sql.SQL(" ORDER BY 1, 2"))
            return cursor.fetchall()

    def find(self, *directions: np.ndarray, **how: object) -> list[list[str]]:
        """Returns the skus found for each direction, the nearest first."""
        vectors = np.stack([unit(direction) for direction in directions])
        skus = dict(Product.objects.values_list("pk", "sku"))
        found: list[list[str]] = [[] for _ in directions]
        for near in self.store.nearest(
            VectorQuery(self.space, vectors, **{"max_photos": 10, **how})
        ):
            found[near.number].append(skus[near.product_id])
        return found
