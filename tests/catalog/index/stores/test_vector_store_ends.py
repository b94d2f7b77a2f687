"""Whether a search says truly that it has compared everything, and that deeper searches find no
more. The tests use only the interface of vector stores."""

import numpy as np
import pytest
from psycopg import sql

from catalog.index.prepared_sql import fetch_search_rows
from catalog.index.search_statement import COMPARE_ALL, VectorQuery
from catalog.index.vector_store import store_named
from catalog.models import Embedding, Product
from tests.catalog.index.stores.vector_shop import DIMENSIONS, EAST, NORTH, Shop

pytestmark = pytest.mark.django_db

PHOTOS = 120
VISIBLE = sql.SQL("product.is_visible")
ENDED = sql.SQL(" SELECT exhausted, compared_all FROM ended")


def ended(shop: Shop, max_photos: int, exact_up_to: int, condition: sql.Composable = VISIBLE):
    shop.generation.images = PHOTOS
    query = VectorQuery(shop.space, EAST[None], max_photos, condition, exact_up_to)
    statement, parameters = shop.store.neighbours(query)
    [row] = fetch_search_rows(statement + ENDED, parameters)
    return tuple(row)


@pytest.fixture
def large(shop: Shop) -> Shop:
    """The shop with PHOTOS products in random directions, a third of them of the brand "third"."""
    random = np.random.default_rng(7)
    products = shop.add_many(random.standard_normal((PHOTOS, DIMENSIONS)).astype(np.float32))
    third = [product.pk for product in products[::3]]
    Product.objects.filter(pk__in=third).update(brand="third")
    shop.write(*products)
    return shop


def test_a_search_says_whether_it_has_compared_everything(large: Shop) -> None:
    # The graph finds enough, or all products are compared and more than enough have photos.
    assert ended(large, 20, exact_up_to=0) == (False, False)
    assert ended(large, 20, exact_up_to=PHOTOS) == (False, True)
    # All are compared, and there are no more.
    assert ended(large, PHOTOS + 1, exact_up_to=PHOTOS) == (True, True)
    assert ended(large, PHOTOS + 1, exact_up_to=COMPARE_ALL) == (True, True)
    # The graph has no more. Only a graph in the database knows that these are all.
    no_more = ended(large, PHOTOS + 1, exact_up_to=PHOTOS - 1)
    assert no_more == (True, large.store is store_named("pgvector"))


def test_a_graph_search_goes_on_until_enough_products_pass(large: Shop) -> None:
    third = sql.SQL("product.brand = 'third'")

    assert ended(large, 30, 0, third) == (False, False)
    assert ended(large, PHOTOS, 0, third)[0] is True
    [found] = large.find(EAST, condition=third, max_photos=PHOTOS, exact_up_to=0)
    assert len(found) == PHOTOS / 3


def test_the_best_of_a_wide_search_are_those_of_an_exact_one(large: Shop) -> None:
    # Given the cosines of all visible products, by the full vectors.
    Product.objects.filter(sku__in=["1", "2", "3"]).update(is_visible=False)
    rows = Embedding.objects.exclude(
        product_id__in=Product.objects.filter(is_visible=False).values("pk")
    ).values_list("product_id", "vector")
    ids, vectors = zip(*rows, strict=True)
    matrix = np.array(vectors, np.float32)
    random = np.random.default_rng(1)

    shares = []
    for query in random.standard_normal((20, DIMENSIONS)).astype(np.float32):
        query /= np.linalg.norm(query)
        exact = {ids[place] for place in np.argsort(-matrix @ query)[:20]}
        near = large.store.nearest(VectorQuery(large.space, query[None], 200))
        shares.append(len({found.product_id for found in near[:20]} & exact) / 20)

    assert np.mean(shares) >= 0.95


def test_generations_beside_each_other_have_their_own_answers(shop: Shop) -> None:
    chair, lamp = shop.add("chair", EAST), shop.add("lamp", NORTH)
    shop.write(chair)
    other = Shop.of(shop, shop.add_generation())
    other.write(lamp)

    assert (shop.find(EAST), other.find(EAST)) == ([["chair"]], [["lamp"]])
    assert len(shop.contents()) == len(other.contents()) == 1
