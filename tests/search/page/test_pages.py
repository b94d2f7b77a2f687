"""The start page, pages in both languages, and pages of errors, with Django's test client."""

import gzip
import re
from pathlib import Path

import pytest
from django.contrib.staticfiles import finders
from django.db import connection
from django.test import Client

from catalog.models import Generation, Product
from search.serving.sized_photos import WIDTHS
from tests.search.outages import lose_encoder, refuse_connection
from tests.search.page.page_requests import HTMX, product_of_the_chair, text_of

pytestmark = pytest.mark.django_db


def test_the_start_page_offers_a_photo_words_and_examples(client: Client, demo_index):
    page = text_of(client.get("/"))
    assert 'name="image"' in page
    assert 'name="q"' in page
    assert page.count("data-example") == 8


def test_examples_without_visible_products_are_not_shown(client: Client, demo_index):
    Product.objects.update(is_visible=False)
    assert "data-example" not in text_of(client.get("/"))


def test_an_example_can_be_searched_for_without_scripts(client: Client, demo_index):
    response = client.get("/search/?example=blends-antiquechair-0.jpg")
    assert response.context["answer"].results[0].product.pk == product_of_the_chair().pk


def test_only_example_photos_are_served_as_examples(client: Client, demo_index):
    assert client.get("/examples/blends-antiquechair-0.jpg")["Content-Type"] == "image/jpeg"
    for name in ("../catalog.jsonl", "..%2Fcatalog.jsonl", "photos.jsonl", "nothing.jpg"):
        assert client.get(f"/examples/{name}").status_code == 404


def test_pages_have_no_inline_scripts_styles_or_handlers(client: Client, demo_index):
    for address in ("/", "/search/?q=chair", f"/products/{product_of_the_chair().pk}/"):
        page = text_of(client.get(address))
        assert " style=" not in page
        assert "<style" not in page
        assert " onclick=" not in page
        assert "<script>" not in page


def test_pages_are_in_the_language_of_the_browser(client: Client, demo_index):
    product = product_of_the_chair()
    page = text_of(client.get(f"/products/{product.pk}/", headers={"Accept-Language": "ru"}))
    assert '<html lang="ru">' in page
    assert product.title_ru in page
    assert "Артикул" in page


def test_the_language_can_be_switched(client: Client, demo_index):
    client.post("/language/", {"language": "ru", "next": "/"})
    assert "Сфотографируйте вещь" in text_of(client.get("/"))


def test_prices_are_formatted_for_the_language(client: Client, demo_index):
    product = product_of_the_chair()
    Product.objects.filter(pk=product.pk).update(price="1212.90", currency="EUR")
    address = f"/products/{product.pk}/"
    assert "€1,212.90" in text_of(client.get(address))
    russian = text_of(client.get(address, headers={"Accept-Language": "ru"}))
    assert "1\u00a0212,90\u00a0€" in russian


def test_without_an_index_the_page_says_so_and_reloads(client: Client):
    Generation.objects.update(state=Generation.State.RETIRED)
    response = client.get("/")
    assert response.status_code == 503
    assert response["Retry-After"] == "5"
    assert 'http-equiv="refresh"' in text_of(response)
    assert "prepared for its first search" in text_of(response)


@pytest.mark.parametrize(
    ("missing", "sentence"),
    [
        ("generation", "prepared for its first search"),
        ("encoder", "not available right now"),
        ("database", "not available right now"),
    ],
)
def test_the_page_retries_a_search_that_is_unavailable(
    client: Client, demo_index, monkeypatch, missing: str, sentence: str
):
    if missing == "generation":
        Generation.objects.update(state=Generation.State.RETIRED)
    elif missing == "encoder":
        lose_encoder()
    else:
        monkeypatch.setattr(connection, "ensure_connection", refuse_connection)
    fragment = client.get("/search/?q=chair", headers=HTMX)
    assert fragment.status_code == 503
    assert "data-retry" in text_of(fragment)
    assert sentence in text_of(fragment)
    page = client.get("/search/?q=chair")
    assert page.status_code == 503
    assert 'http-equiv="refresh"' in text_of(page)


def test_a_form_without_a_csrf_token_is_refused(demo_index):
    strict = Client(enforce_csrf_checks=True)
    response = strict.post("/search/", {"q": "chair"})
    assert response.status_code == 403
    assert "open for too long" in text_of(response)


def static_files(page: str, pattern: str) -> int:
    """Returns the compressed size of the static files that a page names."""
    names = set(re.findall(rf'"/static/([^"]+\.(?:{pattern}))"', page))
    paths = [finders.find(name) for name in names]
    assert names
    return sum(len(gzip.compress(Path(str(path)).read_bytes())) for path in paths)


@pytest.mark.parametrize("address", ["/", "/search/?q=chair"])
def test_pages_are_light(client: Client, demo_index, address: str):
    response = client.get(address, headers={"Accept-Encoding": "gzip"})
    page = gzip.decompress(response.content).decode()

    styles, scripts = static_files(page, "css"), static_files(page, "js")
    imported = len(gzip.compress(Path(str(finders.find("photo_files.js"))).read_bytes()))
    assert styles < 15_000  # all that blocks the first paint
    assert 'rel="stylesheet"' in page
    assert not re.search(r"<script(?![^>]*(type=.module|defer|application/ld))[^>]*>", page)
    assert len(response.content) + styles + scripts + imported < 150_000


def test_cards_name_photos_in_the_widths_shown(client: Client, demo_index):
    page = text_of(client.get("/search/?q=chair"))
    photo = re.search(r'<img src="(/media/[^"]+)" srcset="([^"]+)" sizes="([^"]+)"', page)
    assert photo
    assert [part.split()[-1] for part in photo[2].split(", ")] == [f"{w}w" for w in WIDTHS]
    small = client.get(photo[1], headers={"Accept": "image/webp"})
    assert small["Content-Type"] == "image/webp"
    assert len(small.content) < 15_000
