"""Writes that every vector store must support. The tests use only its interface."""

from collections.abc import Iterator

import numpy as np
import pytest
from django.db import DataError, transaction

from catalog.index.vector_store import PhotoVector
from catalog.models import Embedding
from tests.catalog.index.stores.vector_shop import (
    EAST,
    NORTH,
    PROJECTED,
    UP,
    Shop,
)

pytestmark = pytest.mark.django_db


def test_an_empty_store_finds_nothing(shop: Shop) -> None:
    shop.store.create(shop.generation)
    shop.store.build_graph(shop.generation)

    assert shop.find(EAST) == [[]]
    assert shop.contents() == []
    assert shop.store.sample(shop.generation, 10).shape[0] == 0


def test_contents_lists_the_written_photos(shop: Shop) -> None:
    chair, lamp = shop.add("chair", EAST, NORTH), shop.add("lamp", UP)
    shop.write(chair, lamp)

    written = [
        (photo.product_id, photo.image_id, photo.source_hash)
        for photo in shop.photos_of(chair, lamp)
    ]
    assert shop.contents() == written
    assert len(written) == 3


def test_a_store_that_exists_is_created_again_without_loss(shop: Shop) -> None:
    shop.write(shop.add("chair", EAST))

    shop.store.create(shop.generation)
    shop.store.build_graph(shop.generation)

    assert shop.find(EAST) == [["chair"]]


def test_a_repeated_fill_replaces_its_range_and_nothing_else(shop: Shop) -> None:
    first, second, third = (shop.add(sku, EAST) for sku in ("first", "second", "third"))
    shop.store.create(shop.generation)
    shop.fill(first)
    shop.fill(second, third)

    # When the second range is filled again after one of its photos was deleted.
    Embedding.objects.filter(product_id=third.pk).delete()
    shop.fill(second, third)

    assert [product_id for product_id, _, _ in shop.contents()] == [first.pk, second.pk]


def test_a_failed_fill_changes_nothing(shop: Shop) -> None:
    product = shop.add("chair", EAST)
    shop.store.create(shop.generation)
    shop.fill(product)

    photos = shop.photos_of(product)

    def breaks() -> Iterator[PhotoVector]:
        yield from photos
        raise RuntimeError("killed")

    with pytest.raises(RuntimeError, match="killed"):
        shop.store.fill(shop.generation, product.pk, product.pk, breaks())

    assert len(shop.contents()) == 1


def test_a_sync_adds_replaces_and_removes(shop: Shop) -> None:
    chair, lamp, rug, sofa = (shop.add(sku, EAST) for sku in ("chair", "lamp", "rug", "sofa"))
    shop.write(chair, lamp, rug)

    # When the lamp has another photo, the rug has none, the sofa is new and the chair is unchanged.
    image = lamp.images.get()
    image.content_hash = "another"
    shop.embed(image, NORTH)
    Embedding.objects.filter(product_id=rug.pk).delete()
    everything = [product.pk for product in (chair, lamp, rug, sofa)]
    with transaction.atomic():
        changed = shop.store.sync(
            shop.generation, everything, shop.photos_of(chair, lamp, rug, sofa)
        )
    with transaction.atomic():
        again = shop.store.sync(shop.generation, everything, shop.photos_of(chair, lamp, rug, sofa))

    assert (changed, again) == (3, 0)
    assert shop.find(NORTH) == [["lamp", "chair", "sofa"]]
    assert shop.find(EAST) == [["chair", "sofa", "lamp"]]


def test_a_sync_leaves_other_products_alone(shop: Shop) -> None:
    chair, lamp = shop.add("chair", EAST), shop.add("lamp", NORTH)
    shop.write(chair, lamp)

    with transaction.atomic():
        assert shop.store.sync(shop.generation, [chair.pk], []) == 1

    assert [product_id for product_id, _, _ in shop.contents()] == [lamp.pk]


def test_a_sync_is_undone_with_its_transaction(shop: Shop) -> None:
    chair = shop.add("chair", EAST)
    shop.write(chair)

    with transaction.atomic():
        shop.store.sync(shop.generation, [chair.pk], [])
        transaction.set_rollback(True)

    assert shop.find(EAST) == [["chair"]]


def test_vectors_of_other_dimensions_are_refused(shop: Shop) -> None:
    chair = shop.add("chair", EAST)
    shop.write(chair)
    photo = shop.photos_of(chair)[0]
    longer = [photo._replace(source_hash="longer", vector=np.ones(PROJECTED + 1, np.float32))]

    with pytest.raises(DataError):
        shop.store.fill(shop.generation, chair.pk, chair.pk, longer)
    with pytest.raises(DataError), transaction.atomic():
        shop.store.sync(shop.generation, [chair.pk], longer)

    assert shop.find(EAST) == [["chair"]]


def test_dropping_a_generation_leaves_the_others(shop: Shop) -> None:
    chair = shop.add("chair", EAST)
    shop.write(chair)
    other = shop.add_generation()
    shop.store.create(other)
    shop.store.fill(other, chair.pk, chair.pk, shop.photos_of(chair))
    shop.store.build_graph(other)

    with transaction.atomic():
        shop.store.drop(other)
        shop.store.drop(other)  # a second time

    assert not shop.store.graph_is_valid(other)
    assert shop.find(EAST) == [["chair"]]
    shop.store.create(other)
    assert shop.store.sample(other, 10).shape[0] == 0


def test_a_graph_is_valid_once_it_is_built(shop: Shop) -> None:
    assert not shop.store.graph_is_valid(shop.generation)
    shop.store.create(shop.generation)
    assert not shop.store.graph_is_valid(shop.generation)

    shop.store.build_graph(shop.generation)
    shop.store.build_graph(shop.generation)

    assert shop.store.graph_is_valid(shop.generation)


def test_a_vector_added_after_the_graph_is_built_is_found(shop: Shop) -> None:
    shop.write(shop.add("chair", EAST))
    lamp = shop.add("lamp", NORTH)

    with transaction.atomic():
        shop.store.sync(shop.generation, [lamp.pk], shop.photos_of(lamp))

    assert shop.find(NORTH) == [["lamp", "chair"]]
