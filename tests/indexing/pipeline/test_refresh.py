"""A refresh processes changed products only, and loses no edit that is made while it works."""

from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from catalog.models import (
    Embedding,
    IndexedProduct,
    Product,
    ProductChange,
    ProductImage,
    SearchTerm,
)
from indexing.embedding.views import VIEWS
from indexing.models import Chunk
from indexing.monitoring.freshness import index_status
from indexing.pipeline.refresh import perform_refresh, start_refresh
from tests.indexing.histogram_encoder import HistogramEncoder
from tests.indexing.shop import (
    add_photo,
    add_product,
    add_products,
    current_images,
    found_skus,
    photo,
    rebuild,
    refresh,
    replace_photo,
    search_by_photo,
    store_file,
    vectors_of,
)

pytestmark = pytest.mark.usefixtures("empty_shop")


def test_a_refresh_encodes_changed_photos_only(encoder: HistogramEncoder) -> None:
    # Given an index of a hundred products, ten of which get another photo.
    products = add_products(range(100))
    rebuild()
    for product in products[:10]:
        replace_photo(product.images.get(), photo(1000 + product.pk))
    encoder.encoded = 0

    run = refresh()

    # Then the views of ten images were encoded, and the index matches the catalogue.
    assert encoder.encoded == 10 * VIEWS
    assert [chunk.size for chunk in run.chunks.filter(stage="refresh")] == [10]
    assert vectors_of() == current_images()
    assert ProductChange.objects.count() == 0


def test_the_queries_of_a_refresh_do_not_grow_with_the_catalogue() -> None:
    def queries_of_a_refresh() -> int:
        product = Product.objects.first()
        assert product is not None
        replace_photo(product.images.get(), photo(product.pk + ProductImage.objects.count()))
        with CaptureQueriesContext(connection) as captured:
            refresh()
        return len(captured)

    add_products(range(20))
    rebuild()
    small = queries_of_a_refresh()
    add_products(range(20, 220))
    refresh()

    assert queries_of_a_refresh() == small


@pytest.mark.long
def test_a_refresh_reads_the_rows_of_changed_products_only() -> None:
    # Given an index of 300 products, one of which gets another photo and another title.
    products = add_products(range(300))
    rebuild()
    replace_photo(products[7].images.get(), photo(777))
    Product.objects.filter(pk=products[7].pk).update(title="Another")
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE catalog_product, catalog_productimage, catalog_embedding")
    before = rows_read()

    refresh()

    # Then a few rows of that product were read, of each table.
    read = {table: count - before[table] for table, count in rows_read().items()}
    assert all(0 < count < 40 for count in read.values()), read


def rows_read() -> dict[str, int]:
    """Returns the number of rows of each table that this transaction has read."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT relname, seq_tup_read + coalesce(idx_tup_fetch, 0)"
            " FROM pg_stat_xact_user_tables WHERE relname IN"
            " ('catalog_product', 'catalog_productimage', 'catalog_embedding')"
        )
        return dict(cursor.fetchall())


@pytest.mark.parametrize("step", ["embedded", "tagged"])
@pytest.mark.parametrize(
    "edit",
    [
        lambda product: Product.objects.filter(pk=product.pk).update(title="Edited"),
        lambda product: replace_photo(product.images.get(), photo(777)),
    ],
    ids=["text", "photo"],
)
def test_an_edit_made_while_its_product_is_indexed_is_not_lost(
    edit: Callable[[Product], Any], step: str
) -> None:
    # Given a refresh of a product, which is edited after it was embedded, or after it was tagged.
    product = add_product("a", photo(1))
    rebuild()
    replace_photo(product.images.get(), photo(2))
    refreshing = start_refresh()
    steps = ["written", "embedded", "tagged"]

    def check() -> None:
        if steps.pop(0) == step:
            edit(product)

    perform_refresh(Chunk(run=refreshing, payload={"products": [product.pk]}), check)

    # Then the change waits for the next refresh, which brings the index up to date.
    assert steps == []
    assert ProductChange.objects.get().product_id == product.pk
    refresh()
    assert ProductChange.objects.count() == 0
    assert vectors_of() == current_images()
    product.refresh_from_db()
    assert IndexedProduct.objects.get().text_hash == product.text_hash


def test_visibility_deletion_price_and_stock_take_effect_without_a_refresh() -> None:
    hidden, deleted, kept = (add_product(sku, photo("red")) for sku in ("h", "d", "k"))
    rebuild()
    assert set(found_skus(photo("red"))) == {"h", "d", "k"}

    Product.objects.filter(pk=hidden.pk).update(is_visible=False)
    deleted.delete()
    Product.objects.filter(pk=kept.pk).update(price=12, in_stock=False)

    [result] = search_by_photo(photo("red")).results
    assert (result.product.sku, result.product.price, result.product.in_stock) == ("k", 12, False)


def test_a_new_photo_is_found_after_the_next_refresh() -> None:
    product = add_product("a", photo("red"))
    add_product("b", photo("lime"))
    rebuild()
    add_photo(product, photo("blue"))
    assert search_by_photo(photo("blue")).results[0].score < 0.1

    refresh()

    best = search_by_photo(photo("blue")).results[0]
    assert (best.product.sku, best.score) == ("a", pytest.approx(1, abs=0.1))


def test_a_refresh_removes_all_data_of_a_product_deleted_by_sql() -> None:
    add_product("kept", photo(1))
    gone = add_product("gone", photo(2), photo(3))
    rebuild()
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM catalog_product WHERE id = %s", [gone.pk])
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")

    refresh()

    assert vectors_of() == current_images()
    assert not Embedding.objects.filter(product_id=gone.pk).exists()
    assert not IndexedProduct.objects.filter(product_id=gone.pk).exists()
    assert ProductChange.objects.count() == 0


def test_one_refresh_hashes_and_embeds_a_photo_added_by_sql() -> None:
    product = add_product("a", photo(1))
    rebuild()
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO catalog_productimage (product_id, position, file) VALUES (%s, 1, %s)",
            [product.pk, store_file(photo(5))],
        )

    refresh()

    assert ProductChange.objects.count() == 0
    assert vectors_of() == current_images()
    assert "" not in {row[2] for row in current_images()}


def test_the_status_counts_pending_products() -> None:
    add_products(range(3))
    rebuild()
    add_product("new", photo(9))

    waiting = index_status()
    refresh()

    assert waiting["products"] == {"total": 4, "indexed": 3, "pending": 1, "failed": 0}
    assert index_status()["products"] == {"total": 4, "indexed": 4, "pending": 0, "failed": 0}


def test_a_refresh_collects_all_words_where_an_older_version_left_none() -> None:
    add_product("old", photo("red"), title="Velvet armchair")
    rebuild()
    SearchTerm.objects.all().delete()

    refresh()
    add_product("new", photo("blue"), title="Lantern")
    refresh()

    words = set(SearchTerm.objects.filter(kind="word").values_list("text", flat=True))
    assert words >= {"velvet", "armchair", "lantern"}
