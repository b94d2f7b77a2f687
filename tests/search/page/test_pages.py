"""The pages by Django's client: with and without htmx, in both languages, and when things fail."""

from io import BytesIO
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import OperationalError
from django.test import Client
from PIL import Image

from catalog.index.live_index import IndexNotReady
from catalog.models import Generation, Product
from catalog.visual.errors import EncoderError

pytestmark = pytest.mark.django_db

DEMO = Path(__file__).resolve().parents[3] / "catalog" / "demo"
CHAIR = DEMO / "photos" / "blends-antiquechair-0.jpg"
HTMX = {"HX-Request": "true"}


@pytest.fixture(autouse=True)
def _site(settings, tmp_path: Path) -> None:
    """Static files without a manifest, and query photos in a folder of the test's own."""
    plain = "django.contrib.staticfiles.storage.StaticFilesStorage"
    settings.STORAGES = {**settings.STORAGES, "staticfiles": {"BACKEND": plain}}
    settings.QUERY_PHOTOS = tmp_path


def chair() -> SimpleUploadedFile:
    return SimpleUploadedFile("chair.jpg", CHAIR.read_bytes(), "image/jpeg")


def ask_by_photo(client: Client, **data):
    return client.post("/search/", {"image": chair(), **data}, headers=HTMX)


def product_of_the_chair() -> Product:
    return Product.objects.get(sku="blends-antiquechair")


def text_of(response) -> str:
    return response.content.decode()


# --- The start ------------------------------------------------------------------------------------


def test_the_start_offers_a_photo_words_and_examples(client: Client, demo_index):
    page = text_of(client.get("/"))
    assert 'name="image"' in page
    assert 'name="q"' in page
    assert page.count("data-example") == 8


def test_examples_are_shown_only_while_their_products_are_there(client: Client, demo_index):
    Product.objects.update(is_visible=False)
    assert "data-example" not in text_of(client.get("/"))


def test_an_example_is_searched_for_without_a_script(client: Client, demo_index):
    response = client.get("/search/?example=blends-antiquechair-0.jpg")
    assert response.context["answer"].results[0].product.pk == product_of_the_chair().pk


def test_only_example_photos_are_served_as_examples(client: Client, demo_index):
    assert client.get("/examples/blends-antiquechair-0.jpg")["Content-Type"] == "image/jpeg"
    for name in ("../catalog.jsonl", "..%2Fcatalog.jsonl", "photos.jsonl", "nothing.jpg"):
        assert client.get(f"/examples/{name}").status_code == 404


def test_no_script_style_or_handler_stands_in_the_page(client: Client, demo_index):
    for address in ("/", "/search/?q=chair", f"/products/{product_of_the_chair().pk}/"):
        page = text_of(client.get(address))
        assert " style=" not in page
        assert "<style" not in page
        assert " onclick=" not in page
        assert "<script>" not in page


# --- By photo -------------------------------------------------------------------------------------


def test_a_photo_finds_its_product(client: Client, demo_index):
    response = ask_by_photo(client)
    assert response.status_code == 200
    assert "<html" not in text_of(response)
    assert response.context["answer"].results[0].product.pk == product_of_the_chair().pk
    assert "total;dur=" in response["Server-Timing"]
    assert "HX-Request" in response["Vary"]


def test_without_htmx_the_answer_is_a_whole_page(client: Client, demo_index):
    page = text_of(client.post("/search/", {"image": chair()}))
    assert "<html" in page
    assert f"/products/{product_of_the_chair().pk}/" in page


def test_another_box_needs_no_second_upload(client: Client, demo_index):
    address = ask_by_photo(client)["HX-Push-Url"]
    query = parse_qs(urlsplit(address).query)["query"][0]
    response = client.get("/search/", {"query": query, "box": "0.3,0.2,0.6,0.6"}, headers=HTMX)
    assert response.status_code == 200
    assert response.context["answer"].box == (0.3, 0.2, 0.6, 0.6)


def test_the_address_of_an_answer_brings_the_answer_and_the_photo_back(client: Client, demo_index):
    address = ask_by_photo(client, box="0.3,0.2,0.6,0.6", sort="price")["HX-Push-Url"]
    response = client.get(address)
    assert response.context["asked"].sort == "price"
    assert response.context["asked"].box == (0.3, 0.2, 0.6, 0.6)
    photo = client.get(f"/search/photos/{response.context['query']}.jpg")
    assert Image.open(BytesIO(photo.content)).format == "JPEG"


def test_a_photo_that_is_not_kept_is_not_found(client: Client, demo_index):
    response = client.get("/search/?query=0123456789", headers=HTMX)
    assert response.status_code == 404
    assert "not kept any more" in text_of(response)
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
def test_a_file_that_is_no_good_photo_is_refused_with_a_sentence(
    client: Client, demo_index, content: bytes, status: int, sentence: str
):
    file = SimpleUploadedFile("photo.jpg", content, "image/jpeg")
    response = client.post("/search/", {"image": file}, headers=HTMX)
    assert response.status_code == status
    assert sentence in text_of(response)


# --- By words, filters, pages ---------------------------------------------------------------------


@pytest.mark.parametrize("words", ["armchair", "кресло"])
def test_words_alone_have_an_address_to_share(client: Client, demo_index, words: str):
    response = client.post("/search/", {"q": words})
    assert response.status_code == 303
    results = client.get(response["Location"]).context["answer"].results
    best = results[0].product
    assert words in f"{best.title} {best.title_ru}".lower()


def test_filters_hold_and_stay_chosen(client: Client, demo_index):
    asked = {"q": "chair", "category": "living-room", "price_max": "100", "in_stock": "true"}
    response = client.get("/search/", asked)
    products = [result.product for result in response.context["answer"].results]
    assert products
    assert all(p.category.slug == "living-room" and p.price <= 100 for p in products)
    assert all(p.in_stock for p in products)
    assert 'value="living-room" form="search" checked' in text_of(response)


def test_a_chosen_filter_stays_where_nothing_has_it(client: Client, demo_index):
    response = client.get("/search/?q=chair&brand=Nobody")
    assert "Nothing fits" in text_of(response)
    assert 'value="Nobody" form="search" checked' in text_of(response)
    assert response.context["unfiltered"] == "/search/?q=chair"


def test_more_brings_the_next_cards_only(client: Client, demo_index):
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
        ("q=a&price_min=9&price_max=5", "The lowest price is above the highest."),
        ("q=a&price_min=cheap", "Lowest price: Enter a number."),
        ("q=a&price_min=NaN", "Lowest price: Enter a number."),
        ("q=a&sort=magic", "Sort by: Select a valid choice."),
        ("q=a&offset=-1", "greater than or equal to 0"),
        ("q=a&box=1,2", "does not lie inside the photo"),
        ("q=a&box=nan,0,1,1", "does not lie inside the photo"),
        ("q=a&category=%00", "Null characters are not allowed"),
        ("q=%00", "Null characters are not allowed"),
    ],
)
def test_bad_values_are_sentences(client: Client, demo_index, parameters: str, sentence: str):
    response = client.get(f"/search/?{parameters}", headers=HTMX)
    assert response.status_code == 400
    assert sentence in text_of(response)


def test_what_is_written_is_escaped(client: Client, demo_index):
    page = text_of(client.get('/search/?q="><script>alert(1)</script>'))
    assert "<script>alert" not in page


def test_asking_for_nothing_leads_to_the_start(client: Client, demo_index):
    assert client.get("/search/")["Location"] == "/"
    assert client.get("/search/", headers=HTMX).status_code == 400


# --- A product ------------------------------------------------------------------------------------


def test_a_product_is_shown_with_its_lookalikes(client: Client, demo_index):
    product = product_of_the_chair()
    response = client.get(f"/products/{product.pk}/")
    page = text_of(response)
    assert product.title in page
    assert "CC0-1.0" in page
    assert " cm" in page
    lookalikes = [result.product.pk for result in response.context["answer"].results]
    assert len(lookalikes) == 12
    assert product.pk not in lookalikes


def test_a_product_is_shown_even_if_the_encoder_fails(client: Client, demo_index, monkeypatch):
    monkeypatch.setattr("search.page.views.logged_search", failing_with(EncoderError("no weights")))
    response = client.get(f"/products/{product_of_the_chair().pk}/")
    assert response.status_code == 200
    assert "answer" not in response.context


@pytest.mark.parametrize("pk", [0, 999_999_999])
def test_a_product_that_is_not_there_is_not_found(client: Client, pk: int):
    response = client.get(f"/products/{pk}/")
    assert response.status_code == 404
    assert "Nothing is here" in text_of(response)


def test_a_hidden_product_is_not_found(client: Client, demo_index):
    product = product_of_the_chair()
    Product.objects.filter(pk=product.pk).update(is_visible=False)
    assert client.get(f"/products/{product.pk}/").status_code == 404


# --- Language -------------------------------------------------------------------------------------


def test_the_page_speaks_the_language_of_the_browser(client: Client, demo_index):
    product = product_of_the_chair()
    page = text_of(client.get(f"/products/{product.pk}/", headers={"Accept-Language": "ru"}))
    assert '<html lang="ru">' in page
    assert product.title_ru in page
    assert "Артикул" in page


def test_the_language_can_be_switched(client: Client, demo_index):
    client.post("/language/", {"language": "ru", "next": "/"})
    assert "Найдите по фото" in text_of(client.get("/"))


def test_prices_are_written_as_in_the_language(client: Client, demo_index):
    product = product_of_the_chair()
    Product.objects.filter(pk=product.pk).update(price="1212.90", currency="EUR")
    address = f"/products/{product.pk}/"
    assert "€1,212.90" in text_of(client.get(address))
    russian = text_of(client.get(address, headers={"Accept-Language": "ru"}))
    assert "1\u00a0212,90\u00a0€" in russian


# --- When things fail -----------------------------------------------------------------------------


def failing_with(error: Exception):
    def fail(*_args, **_kwargs):
        raise error

    return fail


def test_before_the_first_index_the_page_says_so_and_reloads(client: Client):
    Generation.objects.update(state=Generation.State.RETIRED)
    response = client.get("/")
    assert response.status_code == 503
    assert response["Retry-After"] == "5"
    assert 'http-equiv="refresh"' in text_of(response)
    assert "indexed for the first time" in text_of(response)


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        (IndexNotReady("not yet"), "indexed for the first time"),
        (EncoderError("weights differ"), "cannot be reached"),
        (OperationalError("refused"), "cannot be reached"),
    ],
)
def test_what_passes_is_tried_again(client: Client, monkeypatch, error: Exception, sentence: str):
    monkeypatch.setattr("search.page.views.logged_search", failing_with(error))
    fragment = client.get("/search/?q=chair", headers=HTMX)
    assert fragment.status_code == 503
    assert "data-retry" in text_of(fragment)
    assert sentence in text_of(fragment)
    page = client.get("/search/?q=chair")
    assert page.status_code == 503
    assert 'http-equiv="refresh"' in text_of(page)


def test_without_a_token_nothing_is_posted(demo_index):
    strict = Client(enforce_csrf_checks=True)
    response = strict.post("/search/", {"q": "chair"})
    assert response.status_code == 403
    assert "open for too long" in text_of(response)
