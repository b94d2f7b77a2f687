"""Searches and measurements that every vector store must support. The tests use only its
interface."""

import numpy as np
import pytest
from django.db import connection
from psycopg import sql

from catalog.index.search_statement import VectorQuery
from catalog.index.vector_store import VectorStore, vector_store
from catalog.models import Category
from tests.catalog.index.stores.vector_shop import (
    DIMENSIONS,
    EAST,
    NORTH,
    PROJECTED,
    UP,
    Shop,
    unit,
)

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("exact_up_to", [0, 100])  # with and without the graph
def test_the_nearest_product_comes_first(shop: Shop, exact_up_to: int) -> None:
    products = [
        shop.add("far", NORTH),
        shop.add("near", 2 * EAST + NORTH),
        shop.add("same", EAST),
        shop.add("opposite", -EAST),
    ]
    shop.write(*products)

    query = VectorQuery(shop.space, EAST[None], 10, exact_up_to=exact_up_to)
    found = shop.store.nearest(query)

    far, near, same, opposite = (product.pk for product in products)
    assert [product.product_id for product in found] == [same, near, far, opposite]
    cosines = [product.similarity for product in found]
    assert cosines == pytest.approx([1, 2 / 5**0.5, 0, -1], abs=1e-3)


@pytest.mark.parametrize("exact_up_to", [0, 100])
def test_the_best_photo_of_a_product_counts(shop: Shop, exact_up_to: int) -> None:
    product = shop.add("chair", NORTH, EAST + NORTH, UP)
    shop.write(product)

    query = VectorQuery(shop.space, EAST[None], 10, exact_up_to=exact_up_to)
    (found,) = shop.store.nearest(query)

    assert found.image_id == product.images.all()[1].pk
    assert found.similarity == pytest.approx(0.5**0.5, abs=1e-3)


def test_similarities_are_those_of_the_full_vectors(shop: Shop) -> None:
    # Given two products that are equal in the projected space and differ in the index space.
    hidden = np.eye(DIMENSIONS, dtype=np.float32)[-1]
    shop.write(shop.add("plain", EAST), shop.add("more", EAST + hidden))

    found = shop.store.nearest(VectorQuery(shop.space, unit(EAST + hidden)[None], 10))

    assert [product.similarity for product in found] == pytest.approx([1, 0.5**0.5], abs=1e-3)


@pytest.mark.parametrize("exact_up_to", [0, 100])
def test_each_of_several_queries_has_its_own_results(shop: Shop, exact_up_to: int) -> None:
    shop.write(shop.add("east", EAST), shop.add("north", NORTH))

    found = shop.find(EAST, NORTH, EAST, exact_up_to=exact_up_to)

    assert found == [["east", "north"], ["north", "east"], ["east", "north"]]


@pytest.mark.parametrize("exact_up_to", [0, 100])
def test_a_query_finds_at_most_max_photos(shop: Shop, exact_up_to: int) -> None:
    directions = [EAST + number * NORTH for number in range(8)]
    shop.write(*(shop.add(f"{n}", direction) for n, direction in enumerate(directions)))

    assert shop.find(EAST, max_photos=3, exact_up_to=exact_up_to) == [["0", "1", "2"]]


@pytest.mark.parametrize("exact_up_to", [0, 100])
def test_only_products_that_fulfil_the_condition_are_found(shop: Shop, exact_up_to: int) -> None:
    lamps = Category.objects.create(slug="lamps", name="Lamps")
    shop.write(
        shop.add("chair", EAST),
        shop.add("lamp", EAST + NORTH, category=lamps),
        shop.add("100% lamp", NORTH, category=lamps, brand="100%"),
        shop.add("hidden", EAST, is_visible=False),
    )
    in_lamps = sql.SQL("product.category_id = {}").format(sql.Literal(lamps.pk))
    pure = sql.SQL("product.brand = '100%%'")

    assert shop.find(EAST, exact_up_to=exact_up_to) == [["chair", "lamp", "100% lamp"]]
    assert shop.find(EAST, condition=in_lamps, exact_up_to=exact_up_to) == [["lamp", "100% lamp"]]
    assert shop.find(EAST, condition=pure, exact_up_to=exact_up_to) == [["100% lamp"]]
    nothing = sql.SQL("product.price < 0")
    assert shop.find(EAST, condition=nothing, exact_up_to=exact_up_to) == [[]]


@pytest.mark.parametrize(("exact_up_to", "passing"), [(0, 1), (2, 3), (3, 3), (100, 3)])
def test_products_that_pass_are_counted_up_to_a_limit(
    shop: Shop, exact_up_to: int, passing: int
) -> None:
    shop.write(*(shop.add(f"{n}", EAST, brand="counted") for n in range(3)))
    counted = sql.SQL("product.brand = 'counted'")

    text, parameters = shop.store.neighbours(
        VectorQuery(shop.space, EAST[None], 10, counted, exact_up_to)
    )
    with connection.cursor() as cursor:
        cursor.execute(text + sql.SQL(" SELECT products FROM passing_count"), parameters)
        assert cursor.fetchall() == [(passing,)]


def test_a_query_of_other_dimensions_is_refused(shop: Shop) -> None:
    shop.write(shop.add("chair", EAST))

    with pytest.raises(ValueError, match="dimension"):
        shop.store.nearest(VectorQuery(shop.space, np.ones((1, DIMENSIONS + 1), np.float32), 10))


def test_the_graph_finds_almost_all_that_an_exact_search_finds(shop: Shop) -> None:
    random = np.random.default_rng(3)
    directions = random.standard_normal((300, DIMENSIONS)).astype(np.float32)
    shop.write(*shop.add_many(directions))

    shares = []
    for query in shop.space.project(random.standard_normal((20, DIMENSIONS)).astype(np.float32)):
        exact, near = (
            shop.store.nearest_photos(shop.generation, query, 10, exact) for exact in (True, False)
        )
        assert [photo.similarity for photo in exact] == sorted(
            (photo.similarity for photo in exact), reverse=True
        )
        shares.append(len({p.image_id for p in exact} & {p.image_id for p in near}) / 10)

    assert np.mean(shares) >= 0.95


def test_the_nearest_photos_have_the_greatest_cosines(shop: Shop) -> None:
    chair, lamp = shop.add("chair", EAST + NORTH, UP), shop.add("lamp", EAST)
    shop.write(chair, lamp)

    found = shop.store.nearest_photos(shop.generation, EAST[:PROJECTED], 2, exact=True)

    assert [photo.product_id for photo in found] == [lamp.pk, chair.pk]
    assert [photo.similarity for photo in found] == pytest.approx([1, 0.5**0.5], abs=1e-3)


def test_a_sample_contains_written_vectors_and_is_repeatable(shop: Shop) -> None:
    products = shop.add_many(np.stack([EAST + n * NORTH for n in range(100)]))
    shop.write(*products)
    shop.generation.images = len(products)
    written = {tuple(photo.vector.round(2)) for photo in shop.photos_of(*products)}

    some, everything = (shop.store.sample(shop.generation, n) for n in (20, 1000))

    assert some.dtype == np.float32
    assert 5 <= len(some) <= 40
    assert {tuple(vector.round(2)) for vector in some} <= written
    assert np.array_equal(some, shop.store.sample(shop.generation, 20))
    assert len(everything) == 100


def test_the_installation_has_a_store() -> None:
    assert vector_store() is vector_store()
    assert isinstance(vector_store(), VectorStore)
