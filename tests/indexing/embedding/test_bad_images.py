"""Photos that cannot be read are quarantined with a reason, and the other photos are indexed."""

import pytest
from django.core.files.storage import default_storage

from catalog.models import ProductChange, ProductImage
from catalog.models.product import content_hash
from indexing.embedding import quarantine
from indexing.models import ImageFailure
from indexing.monitoring.freshness import index_status
from tests.indexing.shop import (
    add_product,
    add_products,
    current_images,
    found_skus,
    photo,
    rebuild,
    refresh,
    replace_photo,
    vectors_of,
)

pytestmark = pytest.mark.usefixtures("empty_shop")


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (photo(1)[:400], "damaged"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "SVG"),
        (b"just words", "not a photo"),
        (b"", "empty"),
    ],
    ids=["truncated", "svg", "text", "empty"],
)
def test_a_bad_photo_is_quarantined_at_the_third_attempt(data: bytes, reason: str) -> None:
    add_products(range(10))
    bad = add_product("bad", data)

    rebuild()

    failure = ImageFailure.objects.get()
    assert (failure.product_id, failure.attempts, failure.quarantined) == (bad.pk, 3, True)
    assert reason.lower() in failure.reason.lower()
    assert len(vectors_of()) == 10
    assert index_status()["products"]["failed"] == 1


def test_a_missing_file_is_quarantined_with_a_reason() -> None:
    add_product("good", photo(2))
    bad = add_product("bad", photo(1))
    default_storage.delete(bad.images.get().file.name)

    rebuild()

    assert "cannot be read" in ImageFailure.objects.get().reason


def test_a_product_is_found_again_after_its_bad_photo_is_replaced() -> None:
    add_product("good", photo("red"))
    bad = add_product("bad", b"nonsense")
    rebuild()

    replace_photo(bad.images.get(), photo("blue"))
    refresh()

    assert found_skus(photo("blue"))[0] == "bad"
    assert index_status()["products"]["failed"] == 0
    assert not ImageFailure.objects.exists()


def test_a_released_photo_is_tried_again() -> None:
    # Given a photo whose file was missing during a rebuild and has been restored.
    add_product("good", photo("red"))
    product = add_product("late", photo("blue"))
    image = product.images.get()
    name = image.file.name
    assert name is not None
    default_storage.delete(name)
    rebuild()
    with default_storage.open(name, "wb") as file:
        file.write(photo("blue"))

    quarantine.release_images([(product.pk, image.pk)])
    refresh()

    assert vectors_of() == current_images()
    assert not ProductChange.objects.exists()


def test_a_file_replaced_on_disk_is_hashed_and_indexed_again() -> None:
    product = add_product("a", photo("red"))
    image = product.images.get()
    with default_storage.open(image.file.name or "", "wb") as file:
        file.write(photo("blue"))

    rebuild()

    assert ProductImage.objects.get().content_hash == content_hash(photo("blue"))
    assert vectors_of() == current_images()
