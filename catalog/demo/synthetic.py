"""A large catalogue without photos, for benchmarks. Its embeddings lie in clusters around given
vectors, as those of real photos do."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
from django.core.management import call_command
from django.db import connection

from catalog.index.live_index import live_index
from catalog.index.vectors import copy_rows
from catalog.index.vocabulary import read_vocabulary
from catalog.models import Embedding, EncoderVersion, Product, ProductImage

ROWS_PER_COPY = 5_000
FILE = "synthetic.webp"
PRODUCTS_PER_FAMILY = 50  # products that are similar to each other
FAMILY_DISTANCE = 0.6  # of a family from its centre, in differences of two other centres
PRODUCT_DISTANCE = 0.35  # of a product from its family, in the same unit
NOISE = 0.2
STRIDE = 7919  # a prime: product n belongs to centre n * STRIDE modulo the number of centres

INSERT_PRODUCTS = """
    INSERT INTO catalog_product (sku, title, brand, price, popularity, in_stock, category_id)
    SELECT 'synthetic-' || n, 'Thing ' || n, 'Brand ' || n %% 50,
        (n::bigint * 7919 %% 100000) / 100.0, n %% 1000, n %% 10 <> 0, example.category_id
    FROM generate_series(1, %s) AS n LEFT JOIN catalog_product example
        ON example.id = (%s::bigint[])[1 + n::bigint * %s %% %s]
"""
INSERT_IMAGES = """
    INSERT INTO catalog_productimage (product_id, position, file, content_hash)
    SELECT id, 0, %s, md5(sku) FROM catalog_product WHERE sku LIKE 'synthetic-%%'
"""
INSERT_TAGS = """
    INSERT INTO catalog_producttag (product_id, tag_id, score)
    SELECT product.id, example.tag_id, example.score
    FROM catalog_product product CROSS JOIN LATERAL (
        SELECT tag_id, score FROM catalog_producttag
        WHERE product_id = (%s::bigint[])[1 + substr(product.sku, 11)::bigint * %s %% %s]
        ORDER BY score DESC, tag_id LIMIT 3) example
    WHERE product.sku LIKE 'synthetic-%%'
"""
INSERT_INDEXED = """
    INSERT INTO catalog_indexedproduct (product_id, text_hash, vocabulary)
    SELECT id, text_hash, %s FROM catalog_product ON CONFLICT DO NOTHING
"""


@contextmanager
def scratch_database(name: str = "vitrina_bench", keep: bool = False) -> Iterator[None]:
    """Runs the block on a migrated database of its own beside the real one. The database is empty.
    With `keep`, it is not dropped afterwards, and the next block of that name finds it as it is."""
    real = connection.settings_dict["NAME"]
    connection.settings_dict["TEST"]["NAME"] = name
    connection.creation.create_test_db(0, autoclobber=True, serialize=False, keepdb=keep)
    try:
        yield
    finally:
        connection.creation.destroy_test_db(real, verbosity=0, keepdb=keep)


@dataclass(frozen=True)
class Centres:
    """Cluster centres: unit `vectors` (n, dimensions), and the ids of the example `products` (n,)
    whose categories and tags the synthetic products take. `products` may be empty."""

    vectors: np.ndarray
    products: list[int]


def random_centres(count: int, dimensions: int, seed: int = 1) -> Centres:
    """Returns random centres without example products, in a subspace of 64 dimensions: one centre
    for each thousand of `count` products."""
    random = np.random.default_rng(seed)
    basis = random.standard_normal((64, dimensions)).astype(np.float32)
    points = random.standard_normal((max(2, count // 1000), 64)).astype(np.float32) @ basis
    return Centres(points / np.linalg.norm(points, axis=1, keepdims=True), [])


def index_synthetic_catalogue(products: int) -> None:
    """Loads the demo into an empty database, adds synthetic products with embeddings near theirs
    until there are `products`, and indexes all of them with the encoder ENCODER."""
    call_command("load_demo", verbosity=0)
    call_command("index", "rebuild", verbosity=0)
    index = live_index()
    rows = Embedding.objects.order_by("product_id", "image_id")
    ids, vectors = zip(*rows.values_list("product_id", "vector"), strict=True)
    stacked = np.stack([np.asarray(vector, np.float32) for vector in vectors])
    centres = Centres(stacked, list(ids))
    vocabulary = read_vocabulary().checksum
    make_synthetic_catalogue(products - Product.objects.count(), centres, vocabulary)
    copy_synthetic_embeddings(index.generation.encoder, centres)
    call_command("index", "rebuild", verbosity=1)


def make_synthetic_catalogue(count: int, centres: Centres, vocabulary: str) -> None:
    """Creates `count` products with an image each, marked as tagged by the vocabulary of that
    checksum. Prices are spread evenly from 0 to 1,000, so that `price_max` lets any share pass."""
    examples = (centres.products, STRIDE, len(centres.vectors))
    with connection.cursor() as cursor:
        cursor.execute(INSERT_PRODUCTS, (count, *examples))
        cursor.execute(INSERT_IMAGES, [FILE])
        cursor.execute(INSERT_TAGS, examples)
        cursor.execute(INSERT_INDEXED, [vocabulary])
        cursor.execute("ANALYZE catalog_product, catalog_productimage, catalog_producttag")


def copy_synthetic_embeddings(version: EncoderVersion, centres: Centres, seed: int = 1) -> None:
    """Writes an embedding for each synthetic image: a unit vector near its product's centre."""
    random = np.random.default_rng(seed)
    images = ProductImage.objects.filter(file=FILE).order_by("product_id")
    families = _make_families(centres.vectors, images.count(), random)
    last = 0
    while True:
        rows = list(
            images.filter(product_id__gt=last).values_list(
                "product_id", "id", "content_hash", "product__sku"
            )[:ROWS_PER_COPY]
        )
        if not rows:
            break
        last = rows[-1][0]
        numbers = np.array([int(sku.removeprefix("synthetic-")) for *_, sku in rows])
        own = families[_family_of(numbers, len(centres.vectors))]
        copy_embeddings(version, [row[:3] for row in rows], _scatter(own, centres.vectors, random))
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE catalog_embedding")


def copy_embeddings(
    version: EncoderVersion, images: Sequence[tuple[int, int, str]], vectors: np.ndarray
) -> None:
    """Writes embeddings by COPY. `images`: product id, image id and content hash of each.
    `vectors`: unit vectors (n, dimensions) of these images."""
    copy_rows(
        "catalog_embedding",
        ["encoder_id", "product_id", "image_id", "source_hash", "vector", "created_at"],
        ["int8", "int8", "int8", "text", "halfvec", "timestamptz"],
        (
            (version.pk, *image, vector, version.created_at)
            for image, vector in zip(images, vectors, strict=True)
        ),
    )


def _family_of(numbers: np.ndarray, centres: int) -> np.ndarray:
    """Returns the family of each product, given the products' numbers. Each PRODUCTS_PER_FAMILY
    products of a centre are a family."""
    return numbers // (centres * PRODUCTS_PER_FAMILY) * centres + numbers * STRIDE % centres


def _make_families(centres: np.ndarray, products: int, random: np.random.Generator) -> np.ndarray:
    """Returns the families that `products` products need, float32 (families, d), indexed by
    `_family_of`."""
    laps = 1 + products // (len(centres) * PRODUCTS_PER_FAMILY)
    here, there = random.integers(0, len(centres), (2, laps * len(centres)))
    return np.tile(centres, (laps, 1)) + FAMILY_DISTANCE * (centres[here] - centres[there])


def _scatter(families: np.ndarray, centres: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """Returns a unit vector (n, d) around each of `families`. It is moved along the difference of
    two centres, so that it stays where real vectors are, and a little in a random direction."""
    here, there = random.integers(0, len(centres), (2, len(families)))
    noise = random.standard_normal(families.shape) / np.sqrt(families.shape[1])
    vectors = families + PRODUCT_DISTANCE * (centres[here] - centres[there]) + NOISE * noise
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)
