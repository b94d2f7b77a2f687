"""Photos at web addresses reach their products and the index, and unchanged ones cost nothing."""

import time
from typing import Any

import pytest
from django.core.files.storage import default_storage

from catalog.models import AddressedImage, ImageAddress, Product, ProductChange, ProductImage
from catalog.models.product import content_hash
from indexing.embedding.views import VIEWS
from indexing.monitoring.freshness import index_status
from indexing.pipeline.fetching.outcomes import tidy_addresses
from tests.catalog.importing.fetching.photo_server import PhotoServer
from tests.indexing.histogram_encoder import HistogramEncoder
from tests.indexing.pipeline.fetching.conftest import Supply
from tests.indexing.pipeline.fetching.photo_addresses import (
    fetch,
    hashed,
    known,
    let_pass,
    photos_of,
)
from tests.indexing.shop import (
    add_product,
    found_skus,
    photo,
    rebuild,
    refresh,
    replace_photo,
)

pytestmark = pytest.mark.usefixtures("empty_shop")

RED, BLUE, GREEN = photo("red"), photo("blue"), photo("lime")


def test_an_import_waits_for_no_photo_and_a_refresh_fetches_and_embeds_them(
    server: PhotoServer, supply: Supply
) -> None:
    add_product("old", GREEN)
    rebuild()
    supply("new", server.put("/red.jpg", RED), server.put("/blue.png", photo("blue", "PNG")))

    # The product is there at once, and its photos are counted as pending.
    assert server.requests == []
    assert photos_of("new") == []
    refresh_before = index_status()
    assert refresh_before["products"]["pending"] == 1
    assert refresh_before["photos"]["waiting"] == 2

    run = refresh()

    assert found_skus(RED)[0] == "new"
    assert photos_of("new") == hashed(RED, photo("blue", "PNG"))
    assert [
        name.rsplit(".")[1]
        for name in ProductImage.objects.filter(product__sku="new")
        .order_by("position")
        .values_list("file", flat=True)
    ] == ["jpg", "png"]
    chunk = run.chunks.get(stage="fetch")
    assert (chunk.size, chunk.done, chunk.state) == (2, 2, "done")
    after = index_status()
    assert (after["products"]["pending"], after["photos"]["fetched"]) == (0, 2)


def test_a_rebuild_of_a_catalogue_that_has_only_addresses_fetches_first(
    server: PhotoServer, supply: Supply
) -> None:
    supply("a", server.put("/red.jpg", RED))

    rebuild()

    assert found_skus(RED) == ["a"]


def test_an_address_of_several_products_is_fetched_once(
    server: PhotoServer, supply: Supply
) -> None:
    url = server.put("/red.jpg", RED)
    supply("a", url)
    supply("b", server.put("/blue.jpg", BLUE), url.replace("http://", "HTTP://"))
    fetch()
    supply("c", url)  # known already

    assert sorted(server.requests) == ["/blue.jpg", "/red.jpg"]
    assert photos_of("a") == photos_of("c") == hashed(RED)
    assert photos_of("b") == hashed(BLUE, RED)
    assert fetch() == 0


@pytest.mark.parametrize(
    "headers", [{"ETag": '"1"'}, {"Last_Modified": "Wed, 21 Oct 2015 07:28:00 GMT"}, {}]
)
def test_an_unchanged_photo_writes_nothing_and_is_not_embedded_again(
    server: PhotoServer, supply: Supply, encoder: HistogramEncoder, headers: dict[str, str]
) -> None:
    url = server.put("/red.jpg", RED, **headers)
    supply("a", url)
    rebuild()
    encoder.encoded = 0
    images = list(ProductImage.objects.values())

    supply("a", url)
    assert fetch() == 0  # it was fetched a moment ago
    let_pass(days=2)
    supply("a", url)
    assert fetch() == 1

    assert len(server.requests) == 2
    assert ("If-None-Match" in server.headers[1]) == ("ETag" in headers)
    assert list(ProductImage.objects.values()) == images
    assert not ProductChange.objects.exists()
    refresh()
    assert encoder.encoded == 0
    assert known(url).state == ImageAddress.State.FETCHED


def test_a_changed_photo_replaces_the_one_before(
    server: PhotoServer, supply: Supply, encoder: HistogramEncoder
) -> None:
    url = server.put("/a.jpg", RED, ETag='"1"')
    supply("a", url)
    rebuild()
    pk = ProductImage.objects.get().pk
    encoder.encoded = 0

    server.put("/a.jpg", BLUE, ETag='"2"')
    let_pass(days=2)
    supply("a", url)
    refresh()

    assert photos_of("a") == hashed(BLUE)
    assert (ProductImage.objects.get().pk, encoder.encoded) == (pk, VIEWS)
    assert known(url).etag == '"2"'


def test_a_photo_whose_file_was_lost_is_sent_again(server: PhotoServer, supply: Supply) -> None:
    url = server.put("/a.jpg", RED, ETag='"1"')
    supply("a", url)
    fetch()
    default_storage.delete(known(url).file)
    let_pass(days=2)

    supply("a", url)
    fetch()

    assert "If-None-Match" not in server.headers[1]
    assert default_storage.exists(known(url).file)


def test_a_product_keeps_its_photos_until_the_new_ones_are_fetched(
    server: PhotoServer, supply: Supply
) -> None:
    a, b = server.put("/a.jpg", RED), server.put("/b.jpg", BLUE)
    supply("a", a, b)
    fetch()

    # When photos move up and a new one follows, nothing is shown twice meanwhile.
    c = server.put("/c.jpg", GREEN)
    supply("a", b, c)
    assert photos_of("a") == hashed(BLUE)
    fetch()
    assert photos_of("a") == hashed(BLUE, GREEN)

    # When all photos have other addresses, the product is not without photos meanwhile.
    supply("a", server.put("/d.jpg", RED))
    assert photos_of("a") == hashed(BLUE)
    fetch()
    assert photos_of("a") == hashed(RED)


def test_a_row_without_images_keeps_them_and_an_empty_list_removes_them(
    server: PhotoServer, supply: Supply
) -> None:
    url = server.put("/a.jpg", RED)
    supply("a", url)
    supply("b", url)
    fetch()

    supply("a", images=None)
    supply("b")

    assert (photos_of("a"), photos_of("b")) == (hashed(RED), [])
    assert AddressedImage.objects.count() == 1


def test_addresses_that_no_product_names_are_forgotten(server: PhotoServer, supply: Supply) -> None:
    supply("a", server.put("/a.jpg", RED))
    supply("b", server.put("/b.jpg", RED))
    Product.objects.filter(sku="a").delete()
    supply("b", server.put("/c.jpg", RED))

    assert tidy_addresses() == 2

    assert ImageAddress.objects.get().address == server.url("/c.jpg")


def test_a_photo_of_the_console_stays_while_its_address_has_not_changed(
    server: PhotoServer, supply: Supply
) -> None:
    url = server.put("/a.jpg", RED, ETag='"1"')
    supply("a", url)
    fetch()
    replace_photo(ProductImage.objects.get(), GREEN)
    let_pass(days=2)
    ImageAddress.objects.request_again()

    fetch()

    assert photos_of("a") == hashed(GREEN)


def test_limits_of_a_host_hold(server: PhotoServer, supply: Supply, settings: Any) -> None:
    settings.IMPORT_FETCHES_PER_HOST = 3
    supply("a", *[server.put_slow(f"/{number}.jpg", RED) for number in range(12)])

    assert fetch() == 12

    assert server.most_at_once == 3
    settings.IMPORT_FETCHES_PER_SECOND = 4
    supply("a", *[server.put(f"/second-{number}.jpg", RED) for number in range(8)])
    began = time.monotonic()
    assert fetch() == 8
    assert time.monotonic() - began > 1


def test_a_run_that_has_used_its_time_leaves_the_rest(
    server: PhotoServer, supply: Supply, settings: Any
) -> None:
    settings.IMPORT_FETCHES_AT_ONCE = 2
    settings.IMPORT_FETCH_RUN_S = 0
    rebuilt = add_product("old", GREEN)
    rebuild()
    supply("a", *[server.put(f"/{number}.jpg", photo(number)) for number in range(5)])

    run = refresh()

    assert run.state == "succeeded"
    assert index_status()["photos"]["due"] == 5
    assert content_hash(GREEN) == rebuilt.images.get().content_hash
