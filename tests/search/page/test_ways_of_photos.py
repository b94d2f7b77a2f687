"""Several photos of one thing, and photos at web addresses."""

from io import BytesIO
from typing import Any
from urllib.parse import parse_qs, quote, urlsplit

import pytest
from django.test import Client
from PIL import Image

from search.query import photo_addresses
from tests.catalog.importing.fetching.conftest import server  # noqa: F401  (fixture)
from tests.catalog.importing.fetching.photo_server import PhotoServer, write
from tests.search.page.page_requests import CHAIR, HTMX, chair_upload, text_of

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("demo_index")]

OTHER = CHAIR.with_name("blends-officetable-2.jpg")
NOTHING_THERE = "We found no photo at this address."


def results_of(response: Any) -> list[int]:
    return [result.product.pk for result in response.context["answer"].results]


def upload(count: int) -> list[BytesIO]:
    return [BytesIO((CHAIR if n == 0 else OTHER).read_bytes()) for n in range(count)]


# --- Several photos -------------------------------------------------------------------------------


def test_the_address_of_several_photos_brings_all_of_them_back(client: Client) -> None:
    first = client.post("/search/", {"image": upload(2)}, headers=HTMX)

    again = client.get(first["HX-Push-Url"])

    assert again.context["answer"].photos == 2
    assert results_of(again) == results_of(first)
    assert results_of(first) != results_of(
        client.post("/search/", {"image": upload(1)}, headers=HTMX)
    )
    query = again.context["query"]
    second = client.get(f"/search/photos/{query}/1.jpg")
    assert Image.open(BytesIO(second.content)).format == "JPEG"
    assert second.content != client.get(f"/search/photos/{query}.jpg").content
    assert f"/search/photos/{query}/1.jpg" in text_of(again)
    assert client.get(f"/search/photos/{query}/2.jpg").status_code == 404


def test_a_photo_is_added_to_an_earlier_one(client: Client) -> None:
    both = client.post("/search/", {"image": upload(2)}, headers=HTMX)
    first = client.post("/search/", {"image": chair_upload()}, headers=HTMX)
    query = first.context["query"]

    added = client.post("/search/", {"query": query, "another": upload(2)[1:]}, headers=HTMX)

    assert added.context["answer"].photos == 2
    assert results_of(added) == results_of(both)


def test_too_many_photos_are_refused(client: Client) -> None:
    five = client.post("/search/", {"image": upload(5)}, headers=HTMX)
    more = {"query": five.context["query"], "another": upload(1)}

    refused = client.post("/search/", more, headers=HTMX)

    assert five.status_code == 200
    assert refused.status_code == 400
    assert "at most 5" in text_of(refused)


# --- Addresses ------------------------------------------------------------------------------------


@pytest.fixture
def allowed(server: PhotoServer, settings: Any) -> PhotoServer:  # noqa: F811
    settings.PHOTO_ADDRESS_HOSTS = [server.host]
    return server


def by_address(client: Client, address: str) -> Any:
    return client.get(f"/search/?q={quote(address, safe='')}", headers=HTMX)


def test_an_address_in_place_of_words_searches_by_its_photo(
    client: Client, allowed: PhotoServer
) -> None:
    address = allowed.put("/chair.jpg", CHAIR.read_bytes())

    found = by_address(client, f" {address} ")

    uploaded = client.post("/search/", {"image": chair_upload()}, headers=HTMX)
    assert results_of(found) == results_of(uploaded)
    kept = parse_qs(urlsplit(found["HX-Push-Url"]).query)
    assert kept.keys() == {"query"}  # further searches do not fetch it again
    client.get(found["HX-Push-Url"])
    assert allowed.requests == ["/chair.jpg"]
    whole = client.get(f"/search/?q={quote(address, safe='')}")
    assert f'value="{address}"' not in text_of(whole)


def test_private_hosts_are_not_contacted(
    client: Client,
    server: PhotoServer,  # noqa: F811
    settings: Any,
) -> None:
    settings.IMPORT_ALLOWED_HOSTS = [server.host]  # of the shop, not of its shoppers
    address = server.put("/chair.jpg", CHAIR.read_bytes())

    for text in (address, "http://localhost/x.jpg", "http://169.254.169.254/", "http://[::1]/x"):
        response = by_address(client, text)
        assert response.status_code == 400
        assert NOTHING_THERE in text_of(response)
    assert server.requests == []


def test_a_redirect_to_a_private_host_is_not_followed(client: Client, allowed: PhotoServer) -> None:
    address = allowed.redirect("/away", "http://127.0.0.1:1/photo.jpg")

    assert NOTHING_THERE in text_of(by_address(client, address))


def test_what_is_no_photo_is_explained(client: Client, allowed: PhotoServer) -> None:
    page = by_address(client, allowed.put("/page", b"<html><body>A chair</body></html>"))
    missing = by_address(client, allowed.url("/missing.jpg"))
    huge = allowed.act("/huge", write(b"HTTP/1.1 200 OK\r\nContent-Length: 99999999\r\n\r\n"))

    assert page.status_code == 415
    assert "not a photo of a known kind" in text_of(page)
    assert NOTHING_THERE in text_of(missing)
    assert NOTHING_THERE in text_of(by_address(client, huge))


def test_a_slow_server_is_left(
    client: Client, allowed: PhotoServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(photo_addresses, "MAX_FETCH_S", 0.2)
    head = b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n"
    address = allowed.act("/slow", write(head, b"x", every_s=0.05, times=40))

    assert NOTHING_THERE in text_of(by_address(client, address))


def test_a_shop_may_switch_addresses_off(
    client: Client, allowed: PhotoServer, settings: Any
) -> None:
    settings.PHOTO_ADDRESSES = False
    address = allowed.put("/chair.jpg", CHAIR.read_bytes())

    assert by_address(client, address).context["answer"].kind == "text"
    assert allowed.requests == []
