"""The rest of the REST API: searches by words, products, similar products, and the schema."""

import re
from collections.abc import Callable
from datetime import datetime
from io import StringIO
from typing import Any

import pytest
from django.core.management import call_command
from django.test import Client

from catalog.models import Product

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("demo_index")]

Search = Callable[..., dict[str, Any]]
Get = Callable[..., dict[str, Any]]
Check = Callable[[Any, Any], None]


@pytest.mark.parametrize(
    ("words", "language", "stems"),
    [
        ("armchair", "en", ("armchair",)),
        ("lamp", "en", ("lamp",)),
        ("bicycle", "en", ("bicycle", "bike", "scooter")),
        ("bicycles", "en", ("bicycle", "bike", "scooter")),
        ("кресло", "ru", ("кресл",)),
        ("лампы", "ru", ("ламп",)),
    ],
)
def test_products_that_the_words_name_come_first(
    words: str, language: str, stems: tuple[str, ...], get: Get, check_answer: Callable[[Any], None]
) -> None:
    answer = get("search/text/", {"q": words}, {"Accept-Language": language})

    check_answer(answer)
    assert answer["query"]["kind"] == "text"
    assert answer["query"]["box"] is None
    titles = [result["product"]["title"].lower() for result in answer["results"]]
    for title in titles[:3]:
        assert any(stem in title for stem in stems), titles[:3]
    assert answer["results"][0]["match"] == "similar"


def test_words_are_found_in_both_languages_whatever_the_header(get: Get) -> None:
    titles = [r["product"]["title"] for r in get("search/text/", {"q": "кресло"})["results"]]

    assert sum("chair" in title.lower() for title in titles[:6]) >= 5


def test_words_find_products_by_looks_without_any_matching_text(get: Get) -> None:
    Product.objects.update(title="Thing", title_ru="", description="", keywords=[])

    answer = get("search/text/", {"q": "a photo of a bicycle", "limit": 5})

    assert {"blends-bike", "blends-bicycle"} & {r["product"]["sku"] for r in answer["results"]}
    assert all(result["product"]["title"] == "Thing" for result in answer["results"])


def test_a_text_search_is_explained_by_looks_and_words(get: Get, settings: Any) -> None:
    answer = get("search/text/", {"q": "lamp", "explain": "true"})

    explanation = answer["results"][0]["explanation"]
    assert explanation.keys() == {"looks", "words", "named", *settings.RANKING_WEIGHTS}
    assert explanation["words"] == 0.5  # the first by words


def test_the_most_popular_products_are_listed_first(get: Get, check_shape: Check) -> None:
    page = get("products/", {"limit": 5})

    popular = Product.objects.order_by("-popularity", "id")[:5]
    assert [product["id"] for product in page["results"]] == [product.pk for product in popular]
    assert (page["count"], page["next_offset"]) == (5, 5)
    assert page["results"][0]["image"].startswith("http://testserver/media/")


def test_the_pages_of_the_list_contain_every_product_once(get: Get) -> None:
    ids: list[int] = []
    offset: int | None = 0
    while offset is not None:
        page = get("products/", {"limit": 100, "offset": offset, "sort": "price"})
        ids += [product["id"] for product in page["results"]]
        offset = page["next_offset"]

    assert ids == list(Product.objects.order_by("price", "id").values_list("pk", flat=True))


def test_the_list_of_products_takes_the_same_filters_as_a_search(get: Get) -> None:
    parameters = {
        "category": ["lights", "office"],
        "brand": "Scopia",
        "tag": "lamp",
        "price_min": "10",
        "price_max": "500",
        "in_stock": "true",
        "limit": "100",
    }

    listed = {product["id"] for product in get("products/", parameters)["results"]}
    found = get("search/text/", {"q": "lamp", **parameters})["results"]

    assert listed
    assert {result["product"]["id"] for result in found} == listed


def test_a_product_has_all_its_details(get: Get) -> None:
    stored = Product.objects.get(sku="blends-armchair")

    product = get(f"products/{stored.pk}/", headers={"Accept-Language": "ru"})

    assert product["title"] == stored.title_ru
    assert product["attributes"] == stored.attributes
    assert product["description"] == stored.description
    assert len(product["images"]) == 2
    assert product["images"][0] == product["image"]
    assert datetime.fromisoformat(product["created_at"]) == stored.created_at


def test_similar_products_do_not_include_the_product(
    get: Get, check_answer: Callable[[Any], None]
) -> None:
    armchair = Product.objects.get(sku="blends-armchair")

    answer = get(f"products/{armchair.pk}/similar/", {"limit": 100})

    check_answer(answer)
    assert answer["query"]["kind"] == "product"
    assert answer["count"] == 100
    assert armchair.pk not in {result["product"]["id"] for result in answer["results"]}
    titles = [result["product"]["title"].lower() for result in answer["results"][:10]]
    assert sum("chair" in title for title in titles) >= 5


def test_a_product_that_is_not_indexed_has_no_similar_products_yet(
    client: Client, check_problem: Callable[..., Any]
) -> None:
    fresh = Product.objects.create(sku="fresh", title="Fresh")

    response = client.get(f"/api/v1/products/{fresh.pk}/similar/")

    check_problem(response, 503, "index_not_ready")
    assert int(response["Retry-After"]) > 0
    assert client.get(f"/api/v1/products/{fresh.pk}/").json()["image"] is None


def test_the_schema_is_generated_without_warnings() -> None:
    call_command("spectacular", "--validate", "--fail-on-warn", stdout=StringIO())


def test_the_schema_describes_every_call(client: Client) -> None:
    schema = client.get("/api/v1/schema/?format=json").json()

    calls = {(method, path) for path, at in schema["paths"].items() for method in at}
    assert {
        ("post", "/api/v1/search/photo/"),
        ("get", "/api/v1/search/text/"),
        ("get", "/api/v1/products/"),
        ("get", "/api/v1/products/{id}/"),
        ("get", "/api/v1/products/{id}/similar/"),
        ("get", "/api/v1/index/"),
    } <= calls
    photo = schema["paths"]["/api/v1/search/photo/"]["post"]
    form = photo["requestBody"]["content"]["multipart/form-data"]["schema"]
    assert {"200", "400", "413", "415", "429", "503"} <= photo["responses"].keys()
    assert form["$ref"].endswith("/PhotoParametersRequest")
    assert {"image", "query", "box", "text", "less_text", "less_product", "category"} <= schema[
        "components"
    ]["schemas"]["PhotoParametersRequest"]["properties"].keys()


def test_the_api_has_a_documentation_page(client: Client) -> None:
    response = client.get("/api/docs/")

    assert response.status_code == 200
    assert b"swagger-ui" in response.content
    assert not re.search(rb"(src|href)=.?(https?:)?//", response.content)  # all from here


def test_a_search_makes_a_fixed_number_of_database_queries(
    by_photo: Search, settings: Any, django_assert_num_queries: Any
) -> None:
    settings.CALLS_PER_ADDRESS = 6000
    by_photo("scopia-living-lamp-2")  # reads the tags of photos, which are kept for a minute

    # The charge of the call, the live generation, the photo that is the same, the search (each with
    # a savepoint here, which is 2 more) and the products. Every page up to the usual length takes
    # as many.
    for limit in (1, 24):
        with django_assert_num_queries(9):
            by_photo("scopia-living-lamp-2", limit=limit)
