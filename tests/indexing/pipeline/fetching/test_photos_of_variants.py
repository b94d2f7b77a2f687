"""Photos at web addresses reach the variants that name them, and stand once in their product."""

from collections.abc import Callable
from typing import Any

import pytest

from catalog.importing.categories import CategoryTree
from catalog.importing.records import read_record
from catalog.importing.upsert import upsert_products
from catalog.models import ProductImage, Variant
from catalog.models.product import content_hash
from tests.catalog.importing.fetching.photo_server import PhotoServer
from tests.indexing.pipeline.fetching.photo_addresses import fetch, hashed, let_pass, photos_of
from tests.indexing.shop import photo

pytestmark = pytest.mark.usefixtures("empty_shop")

RED, BLUE, GREEN, BLACK = photo("red"), photo("blue"), photo("lime"), photo("black")
SupplyVariants = Callable[..., None]


@pytest.fixture
def supply_shirt() -> SupplyVariants:
    """Imports a shirt with a variant of each sku and its images. `paths` are photos by path, and
    `head` are images of the shirt itself."""

    def supply(
        paths: dict[str, bytes] | None = None, head: list[str] | None = None, **images: Any
    ) -> None:
        rows = [{"sku": sku, "group": "shirt", "images": names} for sku, names in images.items()]
        rows.insert(0, {"sku": "shirt", "is_group": True, "images": head})
        records = [read_record(row) for row in rows]
        assert upsert_products(records, lambda path: (paths or {})[path], CategoryTree()) == {}

    return supply


def shown() -> dict[str, list[str]]:
    """Returns the content of the photos of each variant."""
    images = list(ProductImage.objects.all())
    return {
        variant.sku: [image.content_hash for image in variant.photos(images)]
        for variant in Variant.objects.all()
    }


def expected(**photos: list[bytes]) -> dict[str, list[str]]:
    return {sku: [content_hash(data) for data in named] for sku, named in photos.items()}


def test_a_fetched_photo_is_linked_to_the_variants_that_named_its_address(
    server: PhotoServer, supply_shirt: SupplyVariants
) -> None:
    red, blue = server.put("/red.jpg", RED), server.put("/blue.jpg", BLUE)
    back = server.put("/back.jpg", GREEN)

    supply_shirt(head=[back], s=[red, back], m=[red], l=[back, blue])
    assert shown() == expected(s=[], m=[], l=[])
    fetch()

    assert photos_of("shirt") == hashed(GREEN, RED, BLUE)
    assert shown() == expected(s=[RED, GREEN], m=[RED], l=[GREEN, BLUE])


def test_an_import_links_photos_that_were_fetched_before(
    server: PhotoServer, supply_shirt: SupplyVariants
) -> None:
    red, blue = server.put("/red.jpg", RED), server.put("/blue.jpg", BLUE)
    supply_shirt(s=[red], m=[blue])
    fetch()
    rows = list(Variant.objects.values("pk", "image_ids"))

    supply_shirt(s=[red], m=[blue])
    assert list(Variant.objects.values("pk", "image_ids")) == rows

    supply_shirt(s=[blue], m=[blue, red])
    assert shown() == expected(s=[BLUE], m=[BLUE, RED])
    assert photos_of("shirt") == hashed(BLUE, RED)


def test_equal_content_of_several_addresses_stands_once_in_a_product(
    server: PhotoServer, supply_shirt: SupplyVariants
) -> None:
    a, b, c = (server.put(f"/{name}.jpg", RED) for name in "abc")
    supply_shirt(s=[a], m=[b, a], l=[c])

    fetch()

    assert photos_of("shirt") == hashed(RED)
    assert shown() == expected(s=[RED], m=[RED], l=[RED])
    supply_shirt(s=[a], m=[b, a], l=[c])
    assert photos_of("shirt") == hashed(RED)


def test_a_photo_that_several_addresses_have_stands_at_the_first_of_their_places(
    server: PhotoServer, supply_shirt: SupplyVariants
) -> None:
    first, last = server.put("/first.jpg", RED), server.put("/last.jpg", RED)
    supply_shirt(m=[server.put("/blue.jpg", BLUE), last])
    fetch()
    supply_shirt(s=[first], m=[server.url("/blue.jpg"), last])
    fetch()

    assert photos_of("shirt") == hashed(RED, BLUE)
    assert shown() == expected(s=[RED], m=[BLUE, RED])


def test_a_photo_that_was_equal_to_another_one_follows_its_own_address(
    server: PhotoServer, supply_shirt: SupplyVariants
) -> None:
    a, b = server.put("/a.jpg", RED), server.put("/b.jpg", RED)
    supply_shirt(s=[a], m=[b])
    fetch()

    server.put("/a.jpg", BLUE)
    let_pass(days=2)
    supply_shirt(s=[a], m=[b])
    fetch()
    assert shown() == expected(s=[BLUE], m=[RED])
    assert photos_of("shirt") == hashed(BLUE, RED)

    server.put("/b.jpg", BLUE)
    let_pass(days=2)
    supply_shirt(s=[a], m=[b])
    fetch()
    assert shown() == expected(s=[BLUE], m=[BLUE])
    assert photos_of("shirt") == hashed(BLUE)


def test_photos_by_path_and_by_address_stand_together(
    server: PhotoServer, supply_shirt: SupplyVariants
) -> None:
    red, blue = server.put("/red.jpg", RED), server.put("/blue.jpg", BLUE)
    paths = {"red.jpg": RED, "green.jpg": GREEN}

    supply_shirt(paths, s=[red, "green.jpg"], m=["red.jpg", blue])
    assert shown() == expected(s=[GREEN], m=[RED])
    fetch()

    assert shown() == expected(s=[RED, GREEN], m=[RED, BLUE])
    assert {digest for _, digest in photos_of("shirt")} == {d for _, d in hashed(RED, GREEN, BLUE)}
    assert len(photos_of("shirt")) == 3


def test_a_variant_keeps_its_photo_until_that_of_a_new_address_is_fetched(
    server: PhotoServer, supply_shirt: SupplyVariants
) -> None:
    red, blue = server.put("/red.jpg?1", RED), server.put("/blue.jpg", BLUE)
    supply_shirt(s=[red], m=[blue])
    fetch()

    supply_shirt(s=[server.put("/red.jpg?2", BLACK)], m=[blue])
    assert shown() == expected(s=[RED], m=[BLUE])
    fetch()

    assert shown() == expected(s=[BLACK], m=[BLUE])


def test_a_photo_that_fails_leaves_the_others_linked(
    server: PhotoServer, supply_shirt: SupplyVariants
) -> None:
    supply_shirt(s=[server.url("/missing.jpg")], m=[server.put("/blue.jpg", BLUE)])

    fetch()

    assert shown() == expected(s=[], m=[BLUE])


def test_a_variant_that_moved_to_another_product_is_linked_there(
    server: PhotoServer, supply_shirt: SupplyVariants
) -> None:
    red = server.put("/red.jpg", RED)
    supply_shirt(s=[red], m=[red])
    moved = read_record({"sku": "m", "group": "polo", "images": [red, server.put("/b.jpg", BLUE)]})
    upsert_products([moved], lambda path: b"", CategoryTree())

    fetch()

    assert photos_of("polo") == hashed(RED, BLUE)
    assert shown() == expected(s=[RED], m=[RED, BLUE])
