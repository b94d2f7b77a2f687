"""The self-test holds out a photo of each product and searches for the product by it."""

from collections.abc import Iterator

import numpy as np
import pytest

from catalog.index.vector_store import vector_store
from catalog.models import Embedding, EncoderVersion, Product, ProductImage
from catalog.quality.self_test import (
    HeldOutView,
    SelfTest,
    choose_queries,
    rank_product,
    search_views,
    search_views_exactly,
)
from tests.catalog.index.stores.vector_shop import DIMENSIONS, EAST, NORTH, PROJECTED, UP, Shop

pytestmark = pytest.mark.django_db


@pytest.fixture
def shop(db: None, settings) -> Iterator[Shop]:
    settings.VECTOR_DIMENSIONS = PROJECTED
    return Shop(vector_store())


def add_many(shop: Shop, count: int) -> list[Product]:
    """Adds products with two photos that are close to each other, and far from other products."""
    random = np.random.default_rng(0)
    directions = random.normal(size=(count, DIMENSIONS))
    noise = 0.2 * random.normal(size=(count, DIMENSIONS))
    return [
        shop.add(f"{n}", direction, direction + turned)
        for n, (direction, turned) in enumerate(zip(directions, noise, strict=True))
    ]


def ranks(shop: Shop) -> dict[str, float]:
    """Returns the rank of each product of the self-test by its sku."""
    queries = choose_queries(shop.space)
    vectors = queries.vectors[shop.encoder.pk]
    answers = search_views(shop.space, queries.views, vectors)
    skus = dict(Product.objects.values_list("pk", "sku"))
    return {
        skus[view.product_id]: rank_product(view, [product_id for product_id, _ in found])
        for view, found in zip(queries.views, answers, strict=True)
    }


def test_a_product_is_found_by_its_other_photos(shop: Shop) -> None:
    # Given a product whose second photo is less like the first one than another product is.
    shop.write(
        shop.add("alike", EAST, 4 * EAST + NORTH),
        shop.add("unlike", UP, UP - 3 * NORTH),
        shop.add("near", UP + 0.5 * EAST),
        shop.add("below", -NORTH - 0.5 * UP),
    )

    assert ranks(shop) == {"alike": 1, "unlike": 2}


def test_a_photo_that_is_uploaded_twice_is_no_other_photo(shop: Shop) -> None:
    twice = shop.add("twice", EAST, EAST)
    more = shop.add("twice and another", NORTH, NORTH, NORTH + UP)
    shop.write(twice, more)

    queries = choose_queries(shop.space)

    (view,) = queries.views
    first, second, _ = more.images.all()
    assert (view.product_id, view.copies) == (more.pk, {first.pk, second.pk})
    ((found, *_),) = search_views(shop.space, [view], queries.vectors[shop.encoder.pk])
    assert found == (more.pk, pytest.approx(0.5**0.5, abs=1e-3))


def test_products_with_the_same_picture_are_neither_right_nor_wrong(shop: Shop) -> None:
    # Given two variants with the same photos: each finds the other one by the photo held out.
    first = shop.add("first", EAST, EAST + NORTH)
    second = shop.add("second", EAST, EAST + NORTH)
    shop.write(first, second, shop.add("other", UP, UP - EAST))

    views = {view.product_id: view for view in choose_queries(shop.space).views}

    assert views[first.pk].twins == {second.pk}
    assert views[second.pk].twins == {first.pk}
    assert ranks(shop) == {"first": 1, "second": 1, "other": 1}


def test_a_picture_that_many_products_have_is_not_searched_for(shop: Shop) -> None:
    # Given a table of sizes among the photos of 30 products, as equal files.
    products = add_many(shop, 30)
    for product in products:
        image = ProductImage.objects.create(
            product=product, position=2, file="sizes.webp", content_hash="sizes"
        )
        shop.embed(image, UP)
    shop.write(*products)

    views = choose_queries(shop.space).views

    assert len(views) == 30
    tables = set(ProductImage.objects.filter(content_hash="sizes").values_list("pk", flat=True))
    assert not {view.image_id for view in views} & tables
    # Other files of the same picture are recognised by their vectors.
    ProductImage.objects.exclude(content_hash="sizes").filter(position=1).delete()
    for image in ProductImage.objects.filter(content_hash="sizes"):
        image.content_hash = f"sizes-{image.pk}"
        image.save()
        shop.embed(image, UP)
    assert not {view.image_id for view in choose_queries(shop.space).views} & tables


def test_only_visible_products_with_several_embedded_photos_are_used(shop: Shop) -> None:
    good = shop.add("good", EAST, NORTH)
    hidden = shop.add("hidden", EAST + UP, NORTH, is_visible=False)
    single = shop.add("single", -EAST)
    unread = shop.add("one photo is in quarantine", UP, -UP)
    shop.write(good, hidden, single, unread)
    Embedding.objects.filter(image_id=unread.images.last().pk).delete()
    changed = shop.add("changed", -NORTH, EAST - UP)
    changed.images.update(content_hash="new")

    assert [view.product_id for view in choose_queries(shop.space).views] == [good.pk]
    composed = choose_queries(shop.space, composed=True).views
    assert {view.product_id for view in composed} == {good.pk, single.pk, unread.pk}
    assert {view.copies for view in composed} == {frozenset()}


def test_the_same_views_are_held_out_for_every_encoder(shop: Shop) -> None:
    products = add_many(shop, 40)
    shop.write(*products)
    first = choose_queries(shop.space).views

    other = EncoderVersion.objects.create(name="other", checksum="1" * 64, dimensions=DIMENSIONS)
    for row in Embedding.objects.filter(encoder=shop.encoder):
        Embedding.objects.create(
            encoder=other,
            product_id=row.product_id,
            image_id=row.image_id,
            source_hash=row.source_hash,
            vector=list(row.vector)[::-1],
        )
    queries = choose_queries(shop.space, [other.pk])

    assert queries.views == first
    assert len(first) == 40
    by_first, by_other = (queries.vectors[encoder.pk] for encoder in (shop.encoder, other))
    assert by_other == pytest.approx(by_first[:, ::-1])
    # A photo that the other encoder has not embedded is not searched for.
    Embedding.objects.filter(encoder=other, image_id=first[0].image_id).delete()
    assert first[0] not in choose_queries(shop.space, [other.pk]).views


def test_an_exact_search_finds_what_the_graph_finds(shop: Shop) -> None:
    products = add_many(shop, 60)
    shop.write(*products)
    queries = choose_queries(shop.space)

    by_graph = search_views(shop.space, queries.views, queries.vectors[shop.encoder.pk])
    exact = search_views_exactly(shop.encoder.pk, queries, [product.pk for product in products])

    same = [
        [product_id for product_id, _ in found[:10]] == nearest
        for found, nearest in zip(by_graph, exact, strict=True)
    ]
    assert sum(same) >= 55
    chosen = queries.among({products[3].pk, products[5].pk})
    assert {view.product_id for view in chosen.views} == {products[3].pk, products[5].pk}
    assert chosen.vectors[shop.encoder.pk].shape == (2, DIMENSIONS)


def test_recall_counts_the_ranks() -> None:
    assert rank_product(HeldOutView(7, 1), [3, 7, 5]) == 2
    assert rank_product(HeldOutView(7, 1), [3, 5]) == np.inf
    test = SelfTest.from_ranks("views", np.array([1, 2, 5, 6, np.inf, 1, 1, 1]))
    assert (test.queries, test.recall_at_1, test.recall_at_5) == (8, 0.5, 0.75)


def test_an_empty_catalogue_has_no_queries(shop: Shop) -> None:
    shop.store.create(shop.generation)

    assert choose_queries(shop.space).views == []
