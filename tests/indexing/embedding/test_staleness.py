"""The definition of "up to date" for embeddings, vectors, tags and generations."""

from collections.abc import Callable

import pytest
from django.db import connection, transaction
from psycopg import sql

from catalog.models import (
    EncoderVersion,
    Generation,
    Product,
    ProductChange,
    ProductImage,
    Tag,
    TagCalibration,
)
from indexing.embedding import quarantine, staleness
from indexing.embedding.embed import embed_images
from tests.indexing.histogram_encoder import HistogramEncoder
from tests.indexing.shop import add_photo, add_product, photo, rebuild, refresh, replace_photo

pytestmark = pytest.mark.usefixtures("empty_shop")


@pytest.fixture
def product() -> Product:
    """A product with one photo in the live index, beside another product."""
    add_product("other", photo(1))
    product = add_product("a", photo(2))
    rebuild()
    return product


def version() -> EncoderVersion:
    return EncoderVersion.objects.get()


def live() -> Generation:
    return Generation.objects.get(state="live")


def rows(query: sql.Composable) -> list[tuple]:
    with connection.cursor() as cursor:
        cursor.execute(query)
        return cursor.fetchall()


def stale_images() -> list[int]:
    return [image.product_id for image in staleness.stale_images(version())]


def stale_tags() -> list[int]:
    ids = list(Product.objects.values_list("pk", flat=True))
    return staleness.products_to_tag(ids, reembedded=set())


def tags_to_make() -> list[int]:
    sources = staleness.read_tag_sources(version())
    return sorted(row[0] for row in rows(staleness.products_with_stale_tags(sources)))


def stale_products() -> list[int]:
    return [row[0] for row in rows(staleness.stale_products(live()))]


def retitle(product: Product) -> None:
    Product.objects.filter(pk=product.pk).update(title="Another")


def repaint(product: Product) -> None:
    Product.objects.filter(pk=product.pk).update(attributes={"colour": "red", "width_cm": 7})


def count_parts(product: Product) -> None:
    Product.objects.filter(pk=product.pk).update(attributes={"parts": 7, "code": "B 7"})


def change_photo(product: Product) -> None:
    replace_photo(product.images.get(), photo(3))


def add_second_photo(product: Product) -> None:
    add_photo(product, photo(3))


def delete_photo(product: Product) -> None:
    product.images.all().delete()


def delete(product: Product) -> None:
    Product.objects.filter(pk=product.pk).delete()


@pytest.mark.parametrize(
    ("edit", "embedding", "vector", "tags", "index"),
    [
        (lambda product: None, False, False, False, False),
        (retitle, False, False, True, True),
        (repaint, False, False, True, True),
        (count_parts, False, False, False, False),
        (change_photo, True, True, False, True),
        (add_second_photo, True, False, False, True),
        (delete_photo, False, True, False, True),
        (delete, False, True, False, True),
    ],
    ids=[
        *("nothing", "title", "word of an attribute", "number of an attribute"),
        *("photo changed", "photo added", "photo deleted", "deleted"),
    ],
)
def test_each_edit_makes_stale_only_the_data_that_depends_on_it(
    product: Product,
    edit: Callable[[Product], object],
    embedding: bool,
    vector: bool,
    tags: bool,
    index: bool,
) -> None:
    edit(product)

    def ids(stale: bool) -> list[int]:
        return [product.pk] if stale else []

    assert stale_images() == ids(embedding)
    assert staleness.products_with_stale_vectors(live()) == ids(vector)
    assert stale_tags() == ids(tags)
    assert stale_products() == ids(index)


def test_a_new_embedding_makes_the_vector_stale_until_it_is_written(product: Product) -> None:
    add_photo(product, photo(3))

    embed_images(
        staleness.stale_images(version()), version(), HistogramEncoder(), check=lambda: None
    )

    assert stale_images() == []
    assert staleness.products_with_stale_vectors(live()) == [product.pk]


def test_a_quarantined_photo_is_not_stale_until_it_is_replaced(product: Product) -> None:
    replace_photo(product.images.get(), b"not a photo")
    image = product.images.get()
    for _ in range(3):
        quarantine.record_failure(product.pk, image.pk, image.content_hash, "It is not a photo.")
    assert stale_images() == stale_products() == []
    assert rows(staleness.quarantined_images()) == [(product.pk, image.pk)]

    replace_photo(image, photo(3))

    assert stale_images() == stale_products() == [product.pk]
    assert rows(staleness.quarantined_images()) == []


def test_other_accepted_tags_make_all_tags_stale(product: Product) -> None:
    everything = sorted(Product.objects.values_list("pk", flat=True))
    assert tags_to_make() == []

    Tag.objects.create(slug="lamp", name="lamp")

    assert tags_to_make() == everything


def test_another_calibration_makes_tags_stale_that_depend_on_photos(product: Product) -> None:
    Product.objects.exclude(pk=product.pk).update(keywords=["described"])
    refresh()
    assert tags_to_make() == []

    TagCalibration.objects.update(checksum="another")

    assert tags_to_make() == [product.pk]


def test_the_work_of_an_encoder_has_a_row_for_each_stale_image(product: Product) -> None:
    other = Product.objects.get(sku="other")
    replace_photo(product.images.get(), photo(3))
    add_photo(product, photo(4))
    retitle(other)

    assert rows(staleness.products_to_embed(version())) == [(product.pk,), (product.pk,)]


def test_a_change_noted_after_the_notes_were_read_is_not_settled(product: Product) -> None:
    other = Product.objects.get(sku="other")
    gone = ProductImage.objects.get(product=other).product_id
    retitle(product)
    delete(other)
    read = sql.SQL("VALUES {}").format(
        sql.SQL(", ").join(
            sql.SQL("({}, {})").format(sql.Literal(change.product_id), sql.Literal(change.seq))
            for change in ProductChange.objects.all()
        )
    )
    read = sql.SQL("SELECT * FROM ({}) AS noted (product_id, seq)").format(read)
    change_photo(product)  # after the notes were read

    with transaction.atomic():
        deleted = staleness.settle_changes(read)

    assert deleted == [gone]
    assert [change.product_id for change in ProductChange.objects.all()] == [product.pk]
