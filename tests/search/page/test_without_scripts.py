"""The page without scripts: forms lead to addresses that can be reloaded and returned to. With
Django's test client."""

from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from django.test import Client

from tests.search.page.page_requests import chair_upload, product_of_the_chair, text_of

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("demo_index")]


def test_a_photo_leads_to_its_address(client: Client) -> None:
    sent = client.post("/search/", {"image": chair_upload(), "price_max": "500"})

    assert sent.status_code == 303
    assert parse_qs(urlsplit(sent["Location"]).query).keys() == {"query", "price_max"}
    found = client.get(sent["Location"])
    assert found.context["answer"].results[0].product.pk == product_of_the_chair().pk
    assert 'src="/search/photos/' in text_of(found)


def test_more_results_stand_below_the_earlier_ones(client: Client) -> None:
    first = client.get("/search/?q=chair").context["answer"]

    sent = client.post("/search/", {"q": "chair", "offset": first.next_offset})

    address, _, place = sent["Location"].partition("#")
    page = client.get(address)
    shown = [result.product.pk for result in page.context["answer"].results]
    assert sent.status_code == 303
    assert len(shown) == 48
    assert shown[:24] == [result.product.pk for result in first.results]
    assert place == f"card-{shown[24]}"
    assert f'id="{place}"' in text_of(page)


def test_more_than_an_address_brings_back_is_a_page_of_its_own(client: Client) -> None:
    answer = client.post("/search/", {"q": "a", "offset": 240})

    assert answer.status_code == 200
    assert "<html" in text_of(answer)


def test_a_photo_that_is_not_kept_is_answered_at_once(client: Client, settings: Any) -> None:
    settings.QUERY_PHOTO_KEPT_S = 0

    answer = client.post("/search/", {"image": chair_upload()})

    assert answer.status_code == 200
    assert answer.context["answer"].results[0].product.pk == product_of_the_chair().pk


@pytest.mark.parametrize(
    ("language", "sentence"),
    [("en", "Choose at most 5 photos."), ("ru", "Выберите не больше 5 фото.")],
)
def test_too_many_photos_are_refused_with_a_sentence(
    client: Client, language: str, sentence: str
) -> None:
    photos = [chair_upload() for _ in range(6)]

    page = client.post("/search/", {"image": photos}, headers={"Accept-Language": language})

    assert page.status_code == 400
    assert sentence in text_of(page)
    assert "Search without filters" not in text_of(page)
