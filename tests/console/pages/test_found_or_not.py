"""Why is this product not found? Each reason is named with what to do, and the place of a product
for a photo or words is shown with what stands above it."""

from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from catalog.models import Product
from tests.console.pages.people import member, text_of
from tests.indexing.shop import add_product, add_products, photo, rebuild, refresh

pytestmark = pytest.mark.usefixtures("empty_shop")


@pytest.fixture
def shop() -> list[Product]:
    products = add_products(range(5))
    rebuild()
    return products


def why(product: Product) -> str:
    return text_of(member("viewer").get(reverse("admin:why_not_found", args=[product.pk])))


def send(client: Client, product: Product, **data: Any) -> Any:
    return client.post(reverse("admin:where_it_stands", args=[product.pk]), data)


def file(seed: int) -> SimpleUploadedFile:
    return SimpleUploadedFile("query.jpg", photo(seed), "image/jpeg")


def test_an_indexed_product_can_be_found(shop: list[Product]) -> None:
    page = why(shop[0])

    assert "Searches can find this product by its photos and its words." in page
    assert "1 of 1 photo is in the live graph." in page
    assert "Embedded by the live encoder? Yes" in page


def test_a_hidden_product_is_called_hidden(shop: list[Product]) -> None:
    Product.objects.filter(pk=shop[0].pk).update(is_visible=False)

    page = why(shop[0])

    assert "Searches cannot find this product." in page
    assert "Visible? No: it is hidden from all results." in page


def test_a_new_product_waits_for_the_refresh(shop: list[Product]) -> None:
    page = why(add_product("new", photo(40)))

    assert "none of its photos is in the index" in page
    assert "Up to date? No: a change has been waiting for" in page
    assert "Embedded by the live encoder? Not in its present state." in page


def test_a_broken_photo_is_named_with_its_reason(shop: list[Product]) -> None:
    product = add_product("bad", b"nonsense")
    for _ in range(3):
        refresh()

    page = why(product)

    assert "Readable? No, tried 3 times:" in page
    assert "Replace it." in page


def test_a_product_without_photos_or_index_is_explained() -> None:
    page = why(add_product("bare"))

    assert "Is an index live? No. Start a rebuild." in page
    assert "Photos? The product has none" in page


@pytest.mark.parametrize("asked", ["0000", "00003", "Thing 3", "pk"])
def test_products_are_looked_up_by_sku_number_and_words(shop: list[Product], asked: str) -> None:
    asked = str(shop[3].pk) if asked == "pk" else asked

    page = member("viewer").get(reverse("admin:find_product"), {"q": asked}, follow=True)

    assert "00003" in text_of(page)
    answer = reverse("admin:why_not_found", args=[shop[3].pk])
    assert page.request["PATH_INFO"] == answer or answer in page.content.decode()


def test_the_only_product_found_is_explained_at_once(shop: list[Product]) -> None:
    page = member("viewer").get(reverse("admin:find_product"), {"q": shop[3].sku}, follow=True)

    assert page.request["PATH_INFO"] == reverse("admin:why_not_found", args=[shop[3].pk])


def test_an_unknown_product_is_said_to_be_missing(admin_client: Client) -> None:
    page = text_of(admin_client.get(reverse("admin:find_product"), {"q": "nothing\0%_'"}))

    assert "There is no such product in the catalogue." in page


def test_the_place_of_a_product_and_what_stands_above(shop: list[Product]) -> None:
    viewer = member("viewer")

    first = send(viewer, shop[2], photo=file(2))
    assert "Place 1 of 5 compared" in text_of(first)

    standing = send(viewer, shop[2], photo=file(4)).context["standing"]
    assert standing.place > 1
    assert [place for place, _ in standing.above] == list(range(1, standing.place))
    assert standing.above[0][1].product.sku == "00004"
    assert standing.above[0][1].score >= standing.result.score


def test_a_product_behind_its_lookalike_is_said_to_be_hidden(shop: list[Product]) -> None:
    twin = add_product("twin", photo(2))
    refresh()

    page = text_of(send(member("viewer"), twin, photo=file(2)))

    assert "Shoppers do not see it for this search: it looks the same" in page


def test_a_question_without_photo_and_words_is_refused(shop: list[Product]) -> None:
    assert "Choose a photo, or write what you are looking for." in text_of(
        send(member("viewer"), shop[0])
    )
