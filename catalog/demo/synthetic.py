"""A large catalogue without photos, for benchmarks: rows only, whose embeddings lie in clusters
around given ones, as those of real photos do."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
from django.db import connection

from catalog.index.vectors import copy_rows
from catalog.models import EncoderVersion, ProductImage

ROWS_AT_ONCE = 5_000
FILE = "synthetic.webp"
FAMILY = 50  # products that are like each other
APART = 0.6  # how far a family lies from its centre, along the difference of two other centres
SPREAD = 0.35  # how far a product lies from its family, likewise
NOISE = 0.2
STEP = 7919  # a prime: product n goes with centre n * STEP modulo their number


@contextmanager
def scratch_database(name: str = "vitrina_bench", keep: bool = False) -> Iterator[None]:
    """A migrated database beside the real one for as long as the block lasts: empty, or, to `keep`,
    as the last block of that name has left it."""
    real = connection.settings_dict["NAME"]
    connection.settings_dict["TEST"]["NAME"] = name
    connection.creation.create_test_db(0, autoclobber=True, serialize=False, keepdb=keep)
    try:
        yield
    finally:
        connection.creation.destroy_test_db(real, verbosity=0, keepdb=keep)


@dataclass(frozen=True)
class Centres:
    """What synthetic products are like: unit vectors (n, dimensions) and, where they are those of
    real products, the ids of these (n,), whose category and tags are theirs too."""

    vectors: np.ndarray
    products: list[int]


def random_centres(count: int, dimensions: int, seed: int = 1) -> Centres:
    """Centres of no product in a space of few dimensions, a thousand of `count` products to one."""
    random = np.random.default_rng(seed)
    basis = random.standard_normal((64, dimensions)).astype(np.float32)
    points = random.standard_normal((max(2, count // 1000), 64)).astype(np.float32) @ basis
    return Centres(points / np.linalg.norm(points, axis=1, keepdims=True), [])


def make_synthetic_catalogue(count: int, centres: Centres, vocabulary: str) -> None:
    """`count` products with an image each, tagged by the vocabulary of that checksum. Prices are
    spread evenly from 0 to 1,000, so that `price_max` lets through any share that is wanted."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            INSERT INTO catalog_product
                (sku, title, brand, price, popularity, in_stock, category_id)
            SELECT 'synthetic-' || n, 'Thing ' || n, 'Brand ' || n %% 50,
                (n::bigint * 7919 %% 100000) / 100.0, n %% 1000, n %% 10 <> 0, like_it.category_id
            FROM generate_series(1, %s) AS n LEFT JOIN catalog_product like_it
                ON like_it.id = (%s::bigint[])[1 + n::bigint * %s %% %s]
            """,
            [count, centres.products, STEP, len(centres.vectors)],
        )
        cursor.execute(
            """
            INSERT INTO catalog_productimage (product_id, position, file, content_hash)
            SELECT id, 0, %s, md5(sku) FROM catalog_product WHERE sku LIKE 'synthetic-%%'
            """,
            [FILE],
        )
        cursor.execute(
            """
            INSERT INTO catalog_producttag (product_id, tag_id, score)
            SELECT product.id, given.tag_id, given.score
            FROM catalog_product product CROSS JOIN LATERAL (
                SELECT tag_id, score FROM catalog_producttag
                WHERE product_id = (%s::bigint[])[
                    1 + substr(product.sku, 11)::bigint * %s %% %s]
                ORDER BY score DESC, tag_id LIMIT 3) given
            WHERE product.sku LIKE 'synthetic-%%'
            """,
            [centres.products, STEP, len(centres.vectors)],
        )
        cursor.execute(
            "INSERT INTO catalog_indexedproduct (product_id, text_hash, vocabulary)"
            " SELECT id, text_hash, %s FROM catalog_product ON CONFLICT DO NOTHING",
            [vocabulary],
        )
        cursor.execute("ANALYZE catalog_product, catalog_productimage, catalog_producttag")


def copy_synthetic_embeddings(version: EncoderVersion, centres: Centres, seed: int = 1) -> None:
    """COPYs an embedding for each synthetic image: a unit vector near its product's centre."""
    random = np.random.default_rng(seed)
    images = ProductImage.objects.filter(file=FILE).order_by("product_id")
    families = _families(centres.vectors, images.count(), random)
    last = 0
    while True:
        rows = list(
            images.filter(product_id__gt=last).values_list(
                "product_id", "id", "content_hash", "product__sku"
            )[:ROWS_AT_ONCE]
        )
        if not rows:
            break
        last = rows[-1][0]
        numbers = np.array([int(sku.removeprefix("synthetic-")) for *_, sku in rows])
        vectors = _near(families[_family(numbers, len(centres.vectors))], centres.vectors, random)
        copy_rows(
            "catalog_embedding",
            ["encoder_id", "product_id", "image_id", "source_hash", "vector", "created_at"],
            ["int8", "int8", "int8", "text", "halfvec", "timestamptz"],
            (
                (version.pk, *row[:3], vector, version.created_at)
                for row, vector in zip(rows, vectors, strict=True)
            ),
        )
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE catalog_embedding")


def _family(numbers: np.ndarray, centres: int) -> np.ndarray:
    """Which family each of the products with these numbers belongs to: FAMILY of those that go with
    one centre are one."""
    return numbers // (centres * FAMILY) * centres + numbers * STEP % centres


def _families(centres: np.ndarray, products: int, random: np.random.Generator) -> np.ndarray:
    """float32 (families, d): as many as `products` need, in the order of `_family`."""
    laps = 1 + products // (len(centres) * FAMILY)
    here, there = random.integers(0, len(centres), (2, laps * len(centres)))
    return np.tile(centres, (laps, 1)) + APART * (centres[here] - centres[there])


def _near(families: np.ndarray, centres: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """Unit vectors (n, d) around these of `families`: moved as centres differ, so that they stay
    where real vectors are, and a little in every direction."""
    here, there = random.integers(0, len(centres), (2, len(families)))
    noise = random.standard_normal(families.shape) / np.sqrt(families.shape[1])
    vectors = families + SPREAD * (centres[here] - centres[there]) + NOISE * noise
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)
