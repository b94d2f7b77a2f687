"""A client that has an answer already gets 304, which costs fewer bytes and no more queries."""

import gzip
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from catalog.api.access_keys import create_key
from catalog.models import Product

pytestmark = pytest.mark.usefixtures("empty_catalogue")

SHOP = "https://shop.example"


@pytest.fixture
def lamps() -> list[Product]:
    return [
        Product.objects.create(
            sku=f"lamp{n}", title="Lamp", title_ru="Лампа", description=100 * "A lamp. ", price=10
        )
        for n in range(3)
    ]


@pytest.fixture(params=["/api/v1/products/", "/api/v1/products/{pk}/", "/api/v1/products/?limit=2"])
def path(request: pytest.FixtureRequest, lamps: list[Product]) -> str:
    return str(request.param.format(pk=lamps[0].pk))


def ask(client: Client, path: str, etag: str, **headers: str) -> Any:
    return client.get(path, headers={"If-None-Match": etag, **headers})


def queries(act: Any) -> int:
    with CaptureQueriesContext(
        connection,
    ) as captured:
        act()
    return len(captured)


def test_an_answer_is_sent_once(client: Client, path: str) -> None:
    first = client.get(path)

    again = ask(client, path, first["ETag"])

    assert (again.status_code, again.content) == (304, b"")
    for name in ("ETag", "Cache-Control", "Vary"):
        assert again[name] == first[name], name
    assert first["Cache-Control"] == "no-cache"
    varied = {"Accept-Language", "Accept-Encoding", "Authorization", "Origin"}
    assert set(first["Vary"].split(", ")) == varied
    assert client.get(path)["ETag"] == first["ETag"]
    plain, conditional = (
        queries(lambda tag=tag: ask(client, path, tag)) for tag in ('"other"', first["ETag"])
    )
    assert conditional <= plain
    for several in (f'"other", {first["ETag"]}', f"W/{first['ETag']}", "*"):
        assert ask(client, path, several).status_code == 304


@pytest.mark.parametrize("change", [{"price": 9}, {"in_stock": False}, {"title": "Torch"}])
def test_a_change_of_price_stock_or_title_is_seen_at_once(
    client: Client, path: str, lamps: list[Product], change: dict[str, Any]
) -> None:
    etag = client.get(path)["ETag"]

    Product.objects.filter(pk=lamps[0].pk).update(**change)

    changed = ask(client, path, etag)
    assert changed.status_code == 200
    assert changed["ETag"] != etag
    shown = changed.json().get("results", [changed.json()])
    name, value = next(iter(change.items()))
    assert value in [product[name] for product in shown]


def test_languages_have_answers_of_their_own(client: Client, path: str) -> None:
    english = client.get(path, headers={"Accept-Language": "en"})

    assert ask(client, path, english["ETag"], **{"Accept-Language": "ru"}).status_code == 200


def test_a_page_of_another_origin_may_use_what_it_has(client: Client, path: str) -> None:
    _, key = create_key("shop", ["search"], "test", origins=[SHOP])
    headers = {"Authorization": f"Bearer {key}", "Origin": SHOP}
    first = client.get(path, headers=headers)

    again = ask(client, path, first["ETag"], **headers)

    assert again.status_code == 304
    assert again["Access-Control-Allow-Origin"] == SHOP
    assert "ETag" in again["Access-Control-Expose-Headers"]


def test_a_key_without_the_right_learns_nothing_from_an_etag(
    client: Client, settings: Any, path: str
) -> None:
    etag = client.get(path)["ETag"]
    settings.SEARCH_OPEN = False

    assert ask(client, path, etag).status_code == 401
    assert ask(client, path, "*").status_code == 401


def test_errors_and_changes_have_no_etag(client: Client, lamps: list[Product]) -> None:
    _, key = create_key("Order system", ["catalog"], "test")
    for response in (
        client.get("/api/v1/products/999999/", headers={"If-None-Match": "*"}),
        client.get("/api/v1/products/?limit=x", headers={"If-None-Match": "*"}),
        client.patch(
            "/api/v1/products/",
            {"changes": [{"sku": "lamp0", "price": 3}]},
            "application/json",
            headers={"If-None-Match": "*", "Authorization": f"Bearer {key}"},
        ),
    ):
        assert response.status_code != 304
        assert "ETag" not in response
    assert Product.objects.get(sku="lamp0").price == Decimal(3)


def test_answers_are_compressed_for_clients_that_take_it(client: Client, path: str) -> None:
    plain = client.get(path)
    packed = client.get(path, headers={"Accept-Encoding": "gzip, br"})

    assert packed["Content-Encoding"] == "gzip"
    assert gzip.decompress(packed.content) == plain.content
    assert "Accept-Encoding" in packed["Vary"]
    assert packed["ETag"] == f"W/{plain['ETag']}"
    assert ask(client, path, packed["ETag"], **{"Accept-Encoding": "gzip"}).status_code == 304
    assert int(packed["Content-Length"]) == len(packed.content)


def test_the_schema_is_sent_once_and_compressed(client: Client) -> None:
    path = "/api/v1/schema/?format=json"

    first = client.get(path, headers={"Accept-Encoding": "gzip"})

    assert gzip.decompress(first.content) == client.get(path).content
    assert len(first.content) < 50_000
    assert ask(client, path, first["ETag"]).status_code == 304
