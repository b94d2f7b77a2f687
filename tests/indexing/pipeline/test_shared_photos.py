"""Equal photos are encoded once, and stand once in the graph for each product."""

import numpy as np
import pytest
from django.conf import settings

from catalog.index.live_index import live_generation
from catalog.index.vector_store import vector_store
from catalog.models import Embedding, Product, ProductImage
from catalog.models.product import content_hash
from indexing.embedding import staleness
from indexing.embedding.shared_content import embed_products
from indexing.embedding.views import VIEWS
from indexing.generations.encoder_registry import register_encoder
from tests.indexing.histogram_encoder import HistogramEncoder
from tests.indexing.shop import (
    add_photo,
    add_product,
    current_images,
    embedded_images,
    found_skus,
    photo,
    rebuild,
    refresh,
    replace_photo,
    store_file,
    vectors_of,
)

pytestmark = pytest.mark.usefixtures("empty_shop")

LOOKS, SIZES = 20, 5
NEAREST = 10  # photos


def test_products_with_equal_photos_share_one_encoding(encoder: HistogramEncoder) -> None:
    first, second, third = (add_product(f"same-{n}", photo(7)) for n in range(3))

    rebuild()

    generation = live_generation()
    assert generation is not None
    assert encoder.encoded == VIEWS
    assert embedded_images(generation.encoder_id) == vectors_of() == current_images()
    assert [row[0] for row in vectors_of()] == [first.pk, second.pk, third.pk]


def test_a_refresh_copies_the_embedding_of_an_equal_photo(encoder: HistogramEncoder) -> None:
    add_product("old", photo("red"), photo("blue"))
    rebuild()
    encoded = encoder.encoded
    new = add_product("new", photo("blue"))
    replace_photo(add_photo(new, photo("green")), photo("red"))

    refresh()

    assert encoder.encoded == encoded
    assert set(found_skus(photo("blue"))) == {"old", "new"}
    assert [row[0] for row in vectors_of()].count(new.pk) == 2


def test_equal_photos_of_a_product_are_one_vector(encoder: HistogramEncoder) -> None:
    shirt = add_product("shirt", photo("red"), photo("red"), photo("blue"))

    rebuild()

    rows = [(product, digest) for product, _, digest in vectors_of()]
    red, blue = content_hash(photo("red")), content_hash(photo("blue"))
    assert sorted(rows) == sorted([(shirt.pk, red), (shirt.pk, blue)])
    generation = live_generation()
    assert generation is not None
    assert staleness.products_with_stale_vectors(generation) == []


def test_the_vector_moves_to_a_twin_when_its_photo_is_deleted(encoder: HistogramEncoder) -> None:
    shirt = add_product("shirt", photo("red"), photo("red"))
    rebuild()
    encoded = encoder.encoded
    first, second = shirt.images.order_by("pk")
    assert [image for _, image, _ in vectors_of()] == [first.pk]

    first.delete()
    refresh()

    assert [image for _, image, _ in vectors_of()] == [second.pk]
    assert encoder.encoded == encoded


def test_a_file_that_holds_another_content_than_its_row_says_lends_no_embedding(
    encoder: HistogramEncoder,
) -> None:
    liar = add_product("liar", photo("red"))
    add_product("honest", photo("red"))
    ProductImage.objects.filter(product=liar).update(file=store_file(photo("blue")))
    ProductImage.objects.filter(product=liar).update(content_hash=content_hash(photo("red")))

    rebuild()

    by_product = {product: digest for product, _, digest in vectors_of()}
    honest = Product.objects.get(sku="honest")
    assert by_product[liar.pk] == content_hash(photo("blue"))
    assert by_product[honest.pk] == content_hash(photo("red"))
    assert encoder.encoded == 2 * VIEWS


def count_nearest() -> tuple[int, int]:
    """Returns the numbers of products and of looks among the photos nearest to a vector."""
    generation = live_generation()
    assert generation is not None
    vector = np.ones(settings.VECTOR_DIMENSIONS, np.float32)
    vector /= np.linalg.norm(vector)
    near = vector_store().nearest_photos(generation, vector, NEAREST, exact=True)
    skus = Product.objects.in_bulk([row.product_id for row in near]).values()
    return len(skus), len({product.sku[:3] for product in skus})


@pytest.mark.parametrize("with_variants", [False, True], ids=["products", "variants"])
def test_looks_in_sizes_as_products_and_as_variants(
    encoder: HistogramEncoder, with_variants: bool
) -> None:
    """docs/benchmarks.md has these figures for 400 looks."""
    each = 1 if with_variants else SIZES
    products = Product.objects.bulk_create(
        [Product(sku=f"{look:03}-{n}", title="Look") for look in range(LOOKS) for n in range(each)]
    )
    photos = [photo(look) for look in range(LOOKS)]
    files = [(store_file(data), content_hash(data)) for data in photos]
    images = [(p, *files[int(p.sku[:3])]) for p in products]
    ProductImage.objects.bulk_create(
        [ProductImage(product=p, file=file, content_hash=digest) for p, file, digest in images]
    )
    version = register_encoder("histogram")

    embed_products([p.pk for p in products], version, encoder, check=lambda: None)
    encoded = encoder.encoded
    rebuild()

    assert encoded == LOOKS * VIEWS
    assert Embedding.objects.count() == len(vectors_of()) == LOOKS * each
    assert count_nearest() == (NEAREST, NEAREST // each)
