"""Products are tagged by their own data, or by their photos if nobody has described them, and again
when the text, the photos or the accepted tags change."""

import threading

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from catalog.models import EncoderVersion, IndexedProduct, Product, ProductTag, Tag
from indexing.embedding.tagging import tag_products
from tests.indexing.histogram_encoder import HistogramEncoder
from tests.indexing.shop import add_product, photo, rebuild, refresh, replace_photo
from tests.support.processes import wait_until

pytestmark = pytest.mark.usefixtures("empty_shop")


def tags_of(product: Product) -> dict[str, float]:
    return dict(ProductTag.objects.filter(product=product).values_list("tag__slug", "score"))


def test_products_are_tagged_by_words_in_both_languages() -> None:
    for slug, name, name_ru in [("red", "red", "красный"), ("lamp", "lamp", "лампа")]:
        Tag.objects.create(slug=slug, name=name, name_ru=name_ru)
    Tag.objects.create(slug="desk", name="desk", state=Tag.State.PROPOSED)
    Tag.objects.create(slug="thing", name="thing", state=Tag.State.REFUSED)
    by_title = add_product("a", photo("red"), title="Desk lamps")
    by_russian = add_product("b", photo("blue"), title_ru="Настольная лампа")
    by_attribute = add_product("c", photo("blue"), attributes={"цвет": "Красный"})

    rebuild()

    assert tags_of(by_title) == tags_of(by_russian) == {"lamp": 1.0}
    assert tags_of(by_attribute) == {"red": 1.0}


def test_only_products_that_nobody_has_described_are_tagged_by_photos() -> None:
    Tag.objects.create(slug="warm", name="warm")
    for n in range(48):
        add_product(f"warm{n}", photo("red"), keywords=["warm"])
        add_product(f"cold{n}", photo("blue"), keywords=["cold"])
    untold, other = add_product("u", photo("#f20303")), add_product("o", photo("#0303f2"))
    told = add_product("t", photo("#f30303"), keywords=["chilly"])

    rebuild()

    assert tags_of(untold) == {"warm": pytest.approx(0.9, abs=0.1)}
    assert tags_of(other) == tags_of(told) == {}

    # A photo that changes takes its tags away.
    replace_photo(untold.images.get(), photo("blue"))
    refresh()
    assert tags_of(untold) == {}


def test_tags_follow_the_text() -> None:
    Tag.objects.create(slug="sofa", name="sofa", name_ru="диван")
    Tag.objects.create(slug="desk", name="desk", name_ru="стол")
    product = add_product("a", photo(1), title="A sofa")
    rebuild()
    assert tags_of(product) == {"sofa": 1.0}

    Product.objects.filter(pk=product.pk).update(title="A desk")
    refresh()

    assert tags_of(product) == {"desk": 1.0}


def test_an_accepted_word_reaches_all_products_at_the_next_refresh(
    encoder: HistogramEncoder,
) -> None:
    hammock = Tag.objects.create(slug="hammock", name="hammock", state=Tag.State.PROPOSED)
    product = add_product("a", photo(1), title="A hammock")
    rebuild()
    assert tags_of(product) == {}
    before = encoder.encoded

    Tag.objects.filter(pk=hammock.pk).update(state=Tag.State.ACCEPTED)
    refresh()
    assert tags_of(product) == {"hammock": 1.0}

    Tag.objects.filter(pk=hammock.pk).update(state=Tag.State.REFUSED)
    refresh()
    assert tags_of(product) == {}
    assert encoder.encoded == before, "nothing is encoded"


def test_tags_that_stay_the_same_are_not_written_again() -> None:
    for slug in ("red", "lamp"):
        Tag.objects.create(slug=slug, name=slug)
    product = add_product("a", photo("red"), title="A red lamp")
    rebuild()
    before = set(ProductTag.objects.values_list("pk", flat=True))

    Product.objects.filter(pk=product.pk).update(title="Another red lamp", description="New")
    refresh()

    assert set(ProductTag.objects.values_list("pk", flat=True)) == before
    product.refresh_from_db()
    assert IndexedProduct.objects.get().text_hash == product.text_hash


def test_many_products_are_tagged_with_as_many_queries_as_one() -> None:
    Tag.objects.create(slug="lamp", name="lamp")
    first, *others = [add_product(f"{n}", photo(n), title=f"Lamp {n}") for n in range(12)]
    rebuild()
    version = EncoderVersion.objects.get()
    ProductTag.objects.all().delete()

    with CaptureQueriesContext(connection) as for_one:
        tag_products([first.pk], version)
    with CaptureQueriesContext(connection) as for_many:
        tag_products([product.pk for product in others], version)

    assert len(for_many) == len(for_one) == 10  # with the savepoint's
    assert ProductTag.objects.filter(tag__slug="lamp", score=1).count() == 12


@pytest.mark.usefixtures("committed_shop")
def test_products_and_tags_that_are_deleted_while_tagging_are_skipped() -> None:
    # Given another connection that deletes a product and a tag, and has not committed yet,
    for slug in ("lamp", "old"):
        Tag.objects.create(slug=slug, name=slug)
    kept, deleted = (add_product(sku, photo("red"), title="Old lamp") for sku in ("k", "d"))
    rebuild()
    version = EncoderVersion.objects.get()
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
    tag_products([kept.pk, deleted.pk], version)
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
