"""A new filter needs a declaration only: the API, the page, the facets and shared addresses follow
it."""

from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from django.test import Client

from catalog.models import Product
from search.filters.declared import FILTERS
from search.filters.kinds import Filter, FlagFilter, RangeFilter, ValuesFilter
from search.request import Filters

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("demo_index")]

Check = Callable[[Any, int, str], dict[str, Any]]
TEXT, LIST, PAGE = "/api/v1/search/text/", "/api/v1/products/", "/search/"
ADDED: list[Filter] = [
    ValuesFilter("material", "Material", sql="product.attributes ->> 'material'", max_values=3),
    RangeFilter(
        "weight",
        "Weight",
        sql="CASE jsonb_typeof(product.attributes -> 'weight')"
        " WHEN 'number' THEN (product.attributes -> 'weight')::numeric END",
        ends={"weight_min": "Lightest", "weight_max": "Heaviest"},
        empty_error="The lightest is heavier than the heaviest.",
    ),
    FlagFilter(
        "for_kitchens",
        "Rooms",
        sql="coalesce(product.attributes -> 'kitchen' = 'true', false)",
        label="For kitchens",
    ),
]


@pytest.fixture(autouse=True)
def _add_filters() -> Iterator[None]:
    FILTERS.extend(ADDED)
    yield
    del FILTERS[-len(ADDED) :]


@pytest.fixture
def oak() -> Product:
    """One product of oak. Four others have other materials or none."""
    products = Product.objects.filter(category__slug="lights").order_by("pk")[:5]
    materials = ["oak", "100% 'steel'", "100% 'steel'", 7, None]
    for number, (product, material) in enumerate(zip(products, materials, strict=True)):
        product.attributes = {"material": material, "weight": number / 2, "kitchen": number > 2}
        product.title = "Lamp"
        product.save()
    return products[0]


def result_ids(answer: dict[str, Any]) -> set[int]:
    return {row.get("product", row)["id"] for row in answer["results"]}


@pytest.mark.parametrize("address", [TEXT, LIST])
@pytest.mark.parametrize(
    ("parameters", "expected"),
    [
        ({"material": "oak"}, [0]),
        ({"material": ["oak", "100% 'steel'"]}, [0, 1, 2]),
        ({"material": "7"}, [3]),
        ({"material": "stone"}, []),
        ({"weight_min": "0.5", "weight_max": "1.50"}, [1, 2, 3]),
        ({"weight_max": "0"}, [0]),
        ({"for_kitchens": "true"}, [3, 4]),
        ({"for_kitchens": "false", "weight_min": "1", "category": "lights"}, [2]),
    ],
)
def test_the_api_finds_exactly_the_products_that_pass(
    oak: Product, get: Any, address: str, parameters: dict[str, Any], expected: list[int]
) -> None:
    known = Product.objects.filter(attributes__has_key="weight").order_by("pk")
    words = {"q": "lamp", "fold": "false"} if address == TEXT else {}

    answer = get(address.removeprefix("/api/v1/"), {**words, **parameters, "limit": 100})

    assert result_ids(answer) == {known[number].pk for number in expected}


def test_a_photo_search_accepts_an_added_filter(oak: Product, by_photo: Any) -> None:
    answer = by_photo("scopia-living-lamp-2", material="oak")

    assert result_ids(answer) == {oak.pk}


@pytest.mark.parametrize("address", [TEXT, LIST])
@pytest.mark.parametrize(
    "parameters",
    [
        {"material": ["a", "b", "c", "d"]},
        {"material": "x" * 201},
        {"weight_min": "heavy"},
        {"for_kitchens": "maybe"},
    ],
)
def test_an_invalid_value_of_an_added_filter_is_refused_by_name(
    client: Client, check_problem: Check, address: str, parameters: dict[str, Any]
) -> None:
    words = {"q": "lamp"} if address == TEXT else {}

    response = client.get(address, {**words, **parameters})

    (name,) = parameters
    assert check_problem(response, 400, "parameter_invalid")["detail"].startswith(f"{name}: ")


def test_the_facet_of_an_added_filter_counts_matches(oak: Product, get: Any) -> None:
    facets = get("search/text/", {"q": "lamp", "weight_min": "0"})["facets"]

    counted = [(value["value"], value["label"], value["count"]) for value in facets["material"]]
    steel = "100% 'steel'"
    assert counted == [(steel, steel, 2), ("7", "7", 1), ("oak", "oak", 1)]
    assert facets["weight"] == {"min": 0, "max": 2}
    assert "for_kitchens" not in facets


def test_the_schema_describes_an_added_filter(get: Any) -> None:
    schema = get("schema/", {"format": "json"})

    parameters = {p["name"]: p for p in schema["paths"]["/api/v1/products/"]["get"]["parameters"]}
    sent = schema["components"]["schemas"]["PhotoParametersRequest"]["properties"]
    facets = schema["components"]["schemas"]["Facets"]["properties"]
    assert parameters["material"]["schema"]["type"] == "array"
    assert parameters["weight_min"]["schema"]["type"] == "number"
    assert parameters["for_kitchens"]["schema"]["type"] == ["boolean", "null"]
    assert {"material", "weight_min", "weight_max", "for_kitchens"} <= sent.keys()
    assert facets["material"] == facets["brand"]
    assert facets["weight"] == facets["price"]


def test_the_page_offers_an_added_filter_and_keeps_the_choice(oak: Product, client: Client) -> None:
    query = {
        "q": "lamp",
        "material": ["oak", "stone"],
        "weight_min": "0",
        "weight_max": "1.5",
        "for_kitchens": "",
    }

    page = client.get(PAGE, query)

    text = page.content.decode()
    assert [result.product.pk for result in page.context["answer"].results] == [oak.pk]
    assert all(f"<legend>{legend}</legend>" in text for legend in ("Material", "Weight", "Rooms"))
    for value in ("oak", "stone"):
        assert f'name="material" value="{value}" form="search" checked' in text
    assert 'name="for_kitchens" value="true" form="search">' in text
    assert '<label class="unseen" for="weight_max">Heaviest</label>' in text
    assert 'value="1.5"' in text


def test_the_pushed_address_repeats_the_search(oak: Product, client: Client) -> None:
    query = {"q": ["lamp"], "material": ["7", "oak"], "weight_min": ["1"], "for_kitchens": ["true"]}

    address = client.get(PAGE, query, headers={"HX-Request": "true"})["HX-Push-Url"]

    assert parse_qs(urlsplit(address).query) == query
    (found,) = client.get(address).context["answer"].results
    assert Product.objects.get(pk=found.product.pk).attributes["material"] == 7


def test_the_page_explains_an_empty_range(client: Client) -> None:
    response = client.get(PAGE, {"q": "lamp", "weight_min": "2", "weight_max": "1"})

    assert response.status_code == 200
    assert "The lightest is heavier than the heaviest." in response.content.decode()


def test_filters_are_constructed_from_parameter_names() -> None:
    given = Filters(weight_max=Decimal(0), material=("oak",), for_kitchens=False)

    assert list(given) == ["material", "weight_max", "for_kitchens"]  # as declared
    assert Filters(material=(), weight_min=None) == Filters() == {}
    with pytest.raises(TypeError, match="colour"):
        Filters(colour=("red",))
