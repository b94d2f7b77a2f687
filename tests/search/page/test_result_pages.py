"""Results of photos, words and filters, with and without htmx, with Django's test client."""

from io import BytesIO
from urllib.parse import parse_qs, urlsplit

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from PIL import Image

from tests.search.page.page_requests import (
    CHAIR,
    HTMX,
    chair_upload,
    product_of_the_chair,
    search_by_photo,
    text_of,
)

pytestmark = pytest.mark.django_db


def test_a_photo_finds_its_product(client: Client, demo_index):
    response = search_by_photo(client)
    assert response.status_code == 200
    assert "<html" not in text_of(response)
    assert response.context["answer"].results[0].product.pk == product_of_the_chair().pk
    assert "total;dur=" in response["Server-Timing"]
    assert "HX-Request" in response["Vary"]


def test_without_htmx_the_answer_is_a_whole_page(client: Client, demo_index):
    page = text_of(client.post("/search/", {"image": chair_upload()}, follow=True))
    assert "<html" in page
    assert f"/products/{product_of_the_chair().pk}/" in page


def test_another_box_needs_no_second_upload(client: Client, demo_index):
    address = search_by_photo(client)["HX-Push-Url"]
    query = parse_qs(urlsplit(address).query)["query"][0]
    response = client.get("/search/", {"query": query, "box": "0.3,0.2,0.6,0.6"}, headers=HTMX)
    assert response.status_code == 200
    assert response.context["answer"].box == (0.3, 0.2, 0.6, 0.6)


def test_the_address_of_an_answer_brings_the_answer_and_the_photo_back(client: Client, demo_index):
    address = search_by_photo(client, box="0.3,0.2,0.6,0.6", sort="price")["HX-Push-Url"]
    response = client.get(address)
    assert response.context["asked"].sort == "price"
    assert response.context["asked"].box == (0.3, 0.2, 0.6, 0.6)
    photo = client.get(f"/search/photos/{response.context['query']}.jpg")
    assert Image.open(BytesIO(photo.content)).format == "JPEG"


def test_an_unknown_query_id_is_not_found(client: Client, demo_index):
    response = client.get("/search/?query=0123456789", headers=HTMX)
    assert response.status_code == 404
    assert "We no longer have this photo" in text_of(response)
    assert 'name="query"' not in text_of(response)
    assert client.get("/search/photos/0123456789.jpg").status_code == 404


@pytest.mark.parametrize(
    ("content", "status", "sentence"),
    [
        (b"", 400, "Choose a photo"),
        (b"hello, I am not a photo at all", 415, "not a photo of a known kind"),
        (CHAIR.read_bytes()[:3000], 400, "cannot be read"),
        (b"\xff" * (15 * 1024 * 1024 + 1), 413, "at most 15 MB"),
    ],
    ids=["empty", "text", "cut off", "too large"],
)
def test_an_unusable_file_is_refused_with_a_sentence(
    client: Client, demo_index, content: bytes, status: int, sentence: str
):
    file = SimpleUploadedFile("photo.jpg", content, "image/jpeg")
    response = client.post("/search/", {"image": file}, headers=HTMX)
    assert response.status_code == status
    assert sentence in text_of(response)


@pytest.mark.parametrize("words", ["armchair", "кресло"])
def test_a_search_by_words_redirects_to_its_own_address(client: Client, demo_index, words: str):
    response = client.post("/search/", {"q": words})
    assert response.status_code == 303
    results = client.get(response["Location"]).context["answer"].results
    best = results[0].product
    assert words in f"{best.title} {best.title_ru}".lower()


def test_filters_limit_the_results_and_stay_chosen(client: Client, demo_index):
    parameters = {"q": "chair", "category": "living-room", "price_max": "100", "in_stock": "true"}
    response = client.get("/search/", parameters)
    products = [result.product for result in response.context["answer"].results]
    assert products
    assert all(p.category.slug == "living-room" and p.price <= 100 for p in products)
    assert all(p.in_stock for p in products)
    assert 'value="living-room" form="search" checked' in text_of(response)


def test_a_chosen_filter_without_results_stays_chosen(client: Client, demo_index):
    response = client.get("/search/?q=chair&brand=Nobody")
    assert "Nothing found" in text_of(response)
    assert 'value="Nobody" form="search" checked' in text_of(response)
    assert response.context["unfiltered"] == "/search/?q=chair"


def test_the_next_page_contains_only_new_cards(client: Client, demo_index):
    first = client.get("/search/?q=chair", headers=HTMX).context["answer"]
    response = client.get(f"/search/?q=chair&offset={first.next_offset}", headers=HTMX)
    second = response.context["answer"]
    assert "HX-Push-Url" not in response
    assert not {r.product.pk for r in first.results} & {r.product.pk for r in second.results}
    assert 'id="summary"' in text_of(response)
    assert 'id="results"' not in text_of(response)


@pytest.mark.parametrize(
    ("parameters", "sentence"),
    [
        ("q=a&price_min=cheap", "Lowest price: Enter a number."),
        ("q=a&price_min=NaN", "Lowest price: Enter a number."),
        ("q=a&sort=magic", "Sort by: Select a valid choice."),
        ("q=a&offset=-1", "greater than or equal to 0"),
        ("q=a&box=1,2", "is outside the photo"),
        ("q=a&box=nan,0,1,1", "is outside the photo"),
        ("q=a&category=%00", "Null characters are not allowed"),
        ("q=%00", "Null characters are not allowed"),
    ],
)
def test_invalid_values_are_answered_with_a_sentence(
    client: Client, demo_index, parameters: str, sentence: str
):
    response = client.get(f"/search/?{parameters}", headers=HTMX)
    assert response.status_code == 400
    assert sentence in text_of(response)


def test_words_of_the_shopper_are_escaped(client: Client, demo_index):
    page = text_of(client.get('/search/?q="><script>alert(1)</script>'))
    assert "<script>alert" not in page


def test_an_empty_search_redirects_to_the_start_page(client: Client, demo_index):
    assert client.get("/search/")["Location"] == "/"
    assert client.get("/search/", headers=HTMX).status_code == 400
