"""Products are tagged by their text and their photos, and again when the text, the photos or the
vocabulary change."""

import threading

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from catalog.index.vocabulary import vocabulary_for
from catalog.models import EncoderVersion, IndexedProduct, Product, ProductTag, Tag
from indexing.embedding.tagging import tag_products
from tests.indexing.histogram_encoder import HistogramEncoder
from tests.indexing.shop import add_product, photo, rebuild, refresh
from tests.processes import wait_until

pytestmark = pytest.mark.usefixtures("empty_shop")


def tags_of(product: Product) -> dict[str, float]:
    return dict(ProductTag.objects.filter(product=product).values_list("tag__slug", "score"))


def test_products_are_tagged_by_words_in_both_languages_and_by_photos() -> None:
    for slug, name, name_ru in [("red", "red", "красный"), ("lamp", "lamp", "лампа")]:
        Tag.objects.create(slug=slug, name=name, name_ru=name_ru)
    by_word = add_product("a", photo("red"), title="Desk lamps")
    by_russian = add_product("b", photo("blue"), title_ru="Настольная лампа")

    rebuild()

    assert tags_of(by_word) == pytest.approx({"lamp": 1.0, "red": 1.0})
    assert tags_of(by_russian) == {"lamp": 1.0}


def test_tags_follow_the_text() -> None:
    Tag.objects.create(slug="sofa", name="sofa", name_ru="диван")
    Tag.objects.create(slug="desk", name="desk", name_ru="стол")
    product = add_product("a", photo(1), title="A sofa")
    rebuild()
    assert tags_of(product) == pytest.approx({"sofa": 1.0, "desk": 0.5})

    Product.objects.filter(pk=product.pk).update(title="A desk")
    refresh()

    assert tags_of(product) == pytest.approx({"desk": 1.0, "sofa": 0.5})


def test_a_new_word_of_the_vocabulary_reaches_all_products_at_the_next_rebuild(
    encoders: dict[str, HistogramEncoder],
) -> None:
    product = add_product("a", photo(1), title="A hammock")
    rebuild()
    assert tags_of(product) == {}

    Tag.objects.create(slug="hammock", name="hammock", name_ru="гамак")
    later = encoders["histogram"] = HistogramEncoder()  # its vocabulary is not cached
    rebuild()

    assert tags_of(product)["hammock"] == 1.0
    assert later.encoded == 0


def test_tags_that_stay_the_same_are_not_written_again() -> None:
    for slug in ("red", "lamp"):
        Tag.objects.create(slug=slug, name=slug)
    product = add_product("a", photo("red"), title="A lamp")
    rebuild()
    before = set(ProductTag.objects.values_list("pk", flat=True))

    Product.objects.filter(pk=product.pk).update(title="Another lamp", description="New")
    refresh()

    assert set(ProductTag.objects.values_list("pk", flat=True)) == before
    product.refresh_from_db()
    assert IndexedProduct.objects.get().text_hash == product.text_hash


def test_many_products_are_tagged_with_as_many_queries_as_one() -> None:
    Tag.objects.create(slug="lamp", name="lamp")
    first, *others = [add_product(f"{n}", photo(n), title=f"Lamp {n}") for n in range(12)]
    rebuild()
    version, encoder = EncoderVersion.objects.get(), HistogramEncoder()
    ProductTag.objects.all().delete()
    assert len(vocabulary_for(encoder).tags) == 1  # read now, and kept for a minute

    with CaptureQueriesContext(connection) as for_one:
        tag_products([first.pk], version, encoder)
    with CaptureQueriesContext(connection) as for_many:
        tag_products([product.pk for product in others], version, encoder)

    assert len(for_many) == len(for_one) == 6  # with the savepoint's
    assert ProductTag.objects.filter(tag__slug="lamp", score=1).count() == 12


@pytest.mark.usefixtures("committed_shop")
def test_products_and_tags_that_are_deleted_while_tagging_are_skipped() -> None:
    # Given another connection that deletes a product and a tag, and has not committed yet,
    for slug in ("lamp", "old"):
        Tag.objects.create(slug=slug, name=slug)
    kept, deleted = (add_product(sku, photo("red"), title="Old lamp") for sku in ("k", "d"))
    rebuild()
    version, encoder = EncoderVersion.objects.get(), HistogramEncoder()
    deletes = threading.Event()

    def delete() -> None:
        try:
            with transaction.atomic():
                Product.objects.filter(pk=deleted.pk).delete()
                Tag.objects.filter(slug="old").delete()
                deletes.set()
                wait_until(somebody_waits_for_a_lock)
        finally:
            connection.close()

    deleter = threading.Thread(target=delete)
    deleter.start()
    assert deletes.wait(10)

    # when both products are tagged (their texts are read before the commit, tags are written
    # after),
    tag_products([kept.pk, deleted.pk], version, encoder)
    deleter.join()

    # then only what still exists is written.
    assert set(ProductTag.objects.values_list("product_id", "tag__slug")) == {(kept.pk, "lamp")}
    assert IndexedProduct.objects.filter(product_id=kept.pk).exists()


def somebody_waits_for_a_lock() -> bool:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT EXISTS (SELECT FROM pg_stat_activity WHERE datname = current_database()"
            " AND cardinality(pg_blocking_pids(pid)) > 0)"
        )
        return cursor.fetchone()[0]
