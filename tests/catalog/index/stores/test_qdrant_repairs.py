"""Qdrant beside PostgreSQL: what PostgreSQL says counts at every answer, and a repair makes Qdrant
equal to it. With the engine of Qdrant and with the local mode of its client."""

import numpy as np
import pytest
from django.db import OperationalError, transaction
from django.test.utils import override_settings
from psycopg import sql

from catalog.index.live_index import IndexNotReady
from catalog.index.search_statement import Hint, VectorQuery
from catalog.index.stores.qdrant_store import QdrantStore, collection_of
from catalog.index.vector_store import Repair
from catalog.models import Category, Product
from tests.catalog.index.stores.conftest import STORES
from tests.catalog.index.stores.vector_shop import DIMENSIONS, EAST, NORTH, UP, Shop, unit

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.parametrize("shop", [name for name in STORES if name != "pgvector"], indirect=True),
]


def delete_points(shop: Shop, *products: Product) -> None:
    """Deletes the photos of products in Qdrant alone."""
    assert isinstance(shop.store, QdrantStore)
    ids = [photo.image_id for photo in shop.photos_of(*products)]
    shop.store.points.delete(collection_of(shop.generation), ids)


def find_widely(shop: Shop, *directions: np.ndarray, hints: tuple[Hint, ...] = (), **how: object):
    return shop.find(*directions, exact_up_to=0, hints=lambda: hints, **how)


def test_price_stock_and_visibility_are_those_of_this_moment(shop: Shop) -> None:
    chair, lamp = shop.add("chair", EAST), shop.add("lamp", NORTH, price=90, in_stock=False)
    shop.write(chair, lamp)
    cheap = sql.SQL("product.is_visible AND product.price < 50 AND product.in_stock")
    assert find_widely(shop, EAST, condition=cheap) == [["chair"]]

    # When both change, and Qdrant is not written.
    Product.objects.filter(pk=lamp.pk).update(price=10, in_stock=True)
    Product.objects.filter(pk=chair.pk).update(is_visible=False)

    assert find_widely(shop, EAST, condition=cheap) == [["lamp"]]


def test_more_is_asked_for_until_enough_products_pass(shop: Shop) -> None:
    random = np.random.default_rng(5)
    products = shop.add_many(random.standard_normal((80, DIMENSIONS)).astype(np.float32))
    shop.write(*products)
    Product.objects.update(price=100)
    Product.objects.filter(pk__in=[product.pk for product in products[::8]]).update(price=1)

    [found] = find_widely(shop, EAST, max_photos=10, condition=sql.SQL("product.price < 50"))

    assert sorted(found, key=int) == [f"{number}" for number in range(0, 80, 8)]


def test_hints_narrow_the_search_of_the_graph(shop: Shop) -> None:
    lamps = Category.objects.create(slug="lamps", name="Lamps")
    chair, lamp = shop.add("chair", EAST, brand="Oak"), shop.add("lamp", NORTH, category=lamps)
    shop.write(chair, lamp)

    assert find_widely(shop, EAST) == [["chair", "lamp"]]
    assert find_widely(shop, EAST, hints=(Hint("category", (lamps.pk,)),)) == [["lamp"]]
    assert find_widely(shop, EAST, hints=(Hint("brand", ("Oak", "Elm")),)) == [["chair"]]
    both = (Hint("brand", ("Oak",)), Hint("category", (lamps.pk,)))
    assert find_widely(shop, EAST, hints=both) == [[]]


def test_a_repair_brings_attributes_up_to_date(shop: Shop) -> None:
    chair = shop.add("chair", EAST, brand="Oak")
    shop.write(chair, shop.add("lamp", NORTH))
    Product.objects.filter(pk=chair.pk).update(brand="Elm")

    assert shop.store.repair(shop.generation) == Repair(compared=2, changed=1)
    assert find_widely(shop, EAST, hints=(Hint("brand", ("Elm",)),)) == [["chair"]]
    assert shop.store.repair(shop.generation) == Repair(compared=2)


def test_a_repair_writes_what_qdrant_has_lost(shop: Shop) -> None:
    chair, lamp, rug = (shop.add(sku, EAST) for sku in ("chair", "lamp", "rug"))
    shop.write(chair, lamp, rug)
    delete_points(shop, chair, rug)
    assert find_widely(shop, EAST) == [["lamp"]]

    assert shop.store.repair(shop.generation) == Repair(compared=3, missing=2)
    assert find_widely(shop, EAST) == [["chair", "lamp", "rug"]]


def test_a_write_that_is_interrupted_before_its_commit_is_never_found(shop: Shop) -> None:
    chair, lamp = shop.add("chair", EAST), shop.add("lamp", UP)
    shop.write(chair)

    with transaction.atomic():  # Qdrant is written, and PostgreSQL is not
        shop.store.sync(shop.generation, [lamp.pk], shop.photos_of(lamp))
        transaction.set_rollback(True)
    assert find_widely(shop, UP) == [["chair"]]

    assert shop.store.repair(shop.generation) == Repair(compared=2, extra=1)
    assert shop.store.repair(shop.generation) == Repair(compared=1)


def test_a_write_that_is_interrupted_after_its_commit_is_never_found(shop: Shop) -> None:
    # The transaction of the test does not commit, so Qdrant keeps the photo.
    chair, lamp = shop.add("chair", EAST), shop.add("lamp", UP)
    shop.write(chair, lamp)
    with transaction.atomic():
        shop.store.sync(shop.generation, [lamp.pk], [])

    assert find_widely(shop, UP) == [["chair"]]
    assert shop.store.repair(shop.generation) == Repair(compared=2, extra=1)


def test_a_removal_reaches_qdrant_when_it_is_committed(
    shop: Shop, django_capture_on_commit_callbacks
) -> None:
    chair, lamp = shop.add("chair", EAST), shop.add("lamp", UP)
    shop.write(chair, lamp)

    with django_capture_on_commit_callbacks(execute=True), transaction.atomic():
        shop.store.sync(shop.generation, [lamp.pk], [])

    assert shop.store.repair(shop.generation) == Repair(compared=1)


def test_a_write_repeats_vectors_that_qdrant_has_lost(shop: Shop) -> None:
    chair = shop.add("chair", EAST)
    shop.write(chair)
    delete_points(shop, chair)

    with transaction.atomic():
        assert shop.store.sync(shop.generation, [chair.pk], shop.photos_of(chair)) == 0

    assert find_widely(shop, EAST) == [["chair"]]


def test_a_store_that_was_never_filled_is_filled_by_a_repair(shop: Shop) -> None:
    # Given a generation that was built with the graph in PostgreSQL.
    products = [shop.add(sku, EAST) for sku in ("chair", "lamp")]
    shop.write(*products)
    assert isinstance(shop.store, QdrantStore)
    shop.store.points.drop(collection_of(shop.generation))
    assert not shop.store.graph_is_valid(shop.generation)
    with pytest.raises(IndexNotReady, match="run 'index verify'"):
        find_widely(shop, EAST)

    assert shop.store.repair(shop.generation) == Repair(compared=2, missing=2)
    assert shop.store.graph_is_valid(shop.generation)
    assert find_widely(shop, EAST) == [["chair", "lamp"]]


def test_the_order_is_that_of_the_full_vectors(shop: Shop) -> None:
    hidden = np.eye(DIMENSIONS, dtype=np.float32)[-1]
    shop.write(shop.add("plain", EAST), shop.add("more", EAST + hidden))

    query = VectorQuery(shop.space, unit(EAST + hidden)[None], 10)

    cosines = [found.similarity for found in shop.store.nearest(query)]
    assert cosines == pytest.approx([1, 0.5**0.5], abs=1e-3)


def test_narrow_searches_do_not_need_qdrant_and_wide_ones_say_that_it_is_away(shop: Shop) -> None:
    chair = shop.add("chair", EAST)
    shop.write(chair)

    with override_settings(QDRANT_URL="http://127.0.0.1:9"):
        assert shop.find(EAST, exact_up_to=10) == [["chair"]]
        with pytest.raises(OperationalError, match="Qdrant"):
            shop.find(EAST, exact_up_to=0)
        with pytest.raises(OperationalError, match="Qdrant"):
            shop.store.sync(shop.generation, [chair.pk], shop.photos_of(chair))
    assert shop.find(EAST, exact_up_to=10) == [["chair"]]
