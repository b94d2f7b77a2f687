"""More like this, less like this and wrong item: what they change, and how they are undone."""

from typing import Any

import pytest
from django.test import Client

from search.request import SearchRequest
from tests.search.page.page_requests import product_of_the_chair, search_by_photo, text_of

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("demo_index")]


def found(client: Client, address: str) -> list[int]:
    return [result.product.pk for result in client.get(address).context["answer"].results]


def photo_address(client: Client) -> str:
    address: str = search_by_photo(client)["HX-Push-Url"]
    return address


def test_every_card_offers_all_three(client: Client) -> None:
    page = text_of(search_by_photo(client))

    cards = page.count('class="card"')
    assert cards == 24
    for name in ("like", "less", "wrong"):
        assert page.count(f'<button form="search" name="{name}"') == cards


@pytest.mark.parametrize("name", ["less", "wrong"])
def test_a_product_disappears_and_comes_back(client: Client, name: str) -> None:
    address = photo_address(client)
    before = found(client, address)

    response = client.get(f"{address}&{name}={before[1]}")

    after = [result.product.pk for result in response.context["answer"].results]
    assert before[1] not in after
    assert (after[:6] == [before[0], *before[2:7]]) is (name == "wrong")  # it only hides
    (said,) = response.context["feedback"]
    assert said.label in text_of(response)
    assert found(client, said.without) == before
    assert f'name="{name}" value="{before[1]}"' in text_of(response)  # for the next search


def test_more_like_a_product_beside_a_photo(client: Client) -> None:
    address = photo_address(client)
    liked = found(client, address)[8]

    response = client.get(f"{address}&like={liked}")

    answer = response.context["answer"]
    results = [result.product.pk for result in answer.results]
    assert liked not in results
    alike = found_alike(client, liked)
    assert len(alike & set(results)) > len(alike & set(found(client, address)))
    assert {result.match for result in answer.results} <= {"similar", "weak"}
    assert "More like “" in text_of(response)


def found_alike(client: Client, pk: int) -> set[int]:
    context = client.get(f"/products/{pk}/").context
    return {result.product.pk for result in context["answer"].results}


def test_what_was_said_is_in_the_address_with_filters(client: Client) -> None:
    chair = product_of_the_chair().pk
    address = f"/search/?q=chair&category=living-room&less={chair}"

    context = client.get(address).context

    assert context["address"] == address
    assert context["unfiltered"] == "/search/?q=chair"


@pytest.mark.parametrize(
    "said", ["like=0", "less=abc", "wrong=999999999", "less=" + "9" * 30, "wrong=-1", "like="]
)
def test_products_that_there_are_not_are_left_out(client: Client, said: str) -> None:
    response = client.get(f"/search/?q=chair&{said}")

    assert response.status_code == 200
    assert response.context["feedback"] == []


def test_russian_says_it_too(client: Client) -> None:
    chair = product_of_the_chair()
    address = f"/search/?q=стул&wrong={chair.pk}"

    page = text_of(client.get(address, headers={"Accept-Language": "ru"}))

    assert f"Скрыто: «{chair.title_ru}»" in page
    assert "Больше похожих" in page


def test_a_hidden_product_moves_nothing() -> None:
    values: dict[str, Any] = {"less_products": (1, 2), "hidden": (1, 2, 3)}
    request = SearchRequest(text="chair", product_id=4, **values)

    assert request.wrong == (3,)
    assert set(request.left_out) == {1, 2, 3, 4}
