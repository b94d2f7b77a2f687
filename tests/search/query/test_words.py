"""Searches by words, and by a photo with words, in the demo catalogue: what is found, and what is
not."""

from typing import Any

import pytest
from django.test import Client

from catalog.index.search_terms import collect_terms
from catalog.models import Product
from search.page.photo_objects import are_same
from tests.search.conftest import Get, Search

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("demo_index")]

CHAIR = "blends-antiquechair-0"


def titles(answer: dict[str, Any]) -> list[str]:
    return [result["product"]["title"] for result in answer["results"]]


@pytest.mark.parametrize("words", ["asdfghjkl qwerty", "zxcvbnm", "фывапролдж", "democracy"])
def test_words_that_name_nothing_find_nothing(get: Get, words: str) -> None:
    answer = get("search/text/", {"q": words})

    assert (answer["count"], answer["total"], answer["next_offset"]) == (0, 0, None)
    assert answer["query"]["corrected"] is None


def test_a_search_by_words_ends_with_what_is_relevant_and_tells_the_number(get: Get) -> None:
    first = get("search/text/", {"q": "chair", "fold": "false", "limit": 100})

    assert first["total"] == first["count"] < 100
    assert Product.objects.filter(title__icontains="chair").count() <= first["total"]
    assert sum(value["count"] for value in first["facets"]["category"]) == first["total"]


@pytest.mark.parametrize(
    ("typed", "meant"), [("lapm", "lamp"), ("chiar", "chair"), ("стлу", "стул"), ("лапма", "лампа")]
)
def test_typos_are_forgiven(get: Get, typed: str, meant: str) -> None:
    wrong, right = (get("search/text/", {"q": words}) for words in (typed, meant))

    assert wrong["query"]["corrected"] == meant
    assert titles(wrong) == titles(right) != []


@pytest.mark.parametrize(("form", "base"), [("стулья", "стул"), ("chairs", "chair")])
def test_forms_of_a_word_find_the_same_first(get: Get, form: str, base: str) -> None:
    answer = get("search/text/", {"q": form}, {"Accept-Language": "ru,en" if form > "z" else "en"})

    assert base in titles(answer)[0].lower()
    assert answer["query"]["corrected"] is None


@pytest.mark.parametrize("sku", ["scopia-living-lamp", "BLENDS-ARMCHAIR", "katorl-custom-desk"])
def test_a_sku_finds_its_product_first(get: Get, sku: str) -> None:
    answer = get("search/text/", {"q": sku})

    assert answer["results"][0]["product"]["sku"] == sku.lower()


def test_a_title_finds_its_product_first(get: Get) -> None:
    for title in ("Toilet paper dispenser", "Oak table", "table fan", "Письменный стол"):
        answer = get("search/text/", {"q": title}, {"Accept-Language": "ru"})
        first = Product.objects.get(pk=answer["results"][0]["product"]["id"])
        assert title.lower() in (first.title.lower(), first.title_ru.lower())


def test_all_words_count_if_a_product_has_them_all(get: Get) -> None:
    answer = get("search/text/", {"q": "coffee table", "fold": "false"})

    named = [title.lower() for title in titles(answer)]
    assert named[0] == "coffee table"
    assert all("table" in title for title in named[:10])


def test_words_steer_a_photo(by_photo: Search) -> None:
    plain, steered = by_photo(CHAIR), by_photo(CHAIR, text="table")

    assert plain["results"][0]["match"] == "exact"
    assert "table" in titles(steered)[0].lower()
    assert steered["query"]["fits_words"]
    assert all(result["match"] != "exact" for result in steered["results"])


def test_words_that_nothing_fits_leave_the_photo_without_an_exact_match(by_photo: Search) -> None:
    answer = by_photo(CHAIR, text="zxcvbnm")

    assert not answer["query"]["fits_words"]
    assert answer["results"][0]["match"] != "exact"


def test_words_that_describe_the_product_keep_the_exact_match(by_photo: Search) -> None:
    answer = by_photo(CHAIR, text="chair")

    assert answer["results"][0]["match"] == "exact"
    assert answer["results"][0]["product"]["sku"] == "blends-antiquechair"


def test_suggestions_complete_what_is_typed(client: Client) -> None:
    def suggested(text: str) -> list[str]:
        response = client.get("/api/v1/search/suggestions/", {"q": text})
        found: list[str] = response.json()["suggestions"]
        return found

    assert suggested("lam")[0] == "lamp"
    assert any(name.lower().startswith("стул") for name in suggested("сту"))
    assert suggested("l") == []
    assert suggested("%_") == []
    assert suggested("lapm")[0] == "lamp"


def test_suggestions_are_limited(client: Client, settings: Any) -> None:
    settings.SUGGESTIONS_PER_MINUTE = 2
    answers = [
        client.get("/api/v1/search/suggestions/", {"q": "la"}, REMOTE_ADDR="203.0.113.7")
        for _ in range(3)
    ]

    assert [answer.status_code for answer in answers] == [200, 200, 429]
    assert answers[-1].json()["code"] == "throttled"


def test_terms_follow_the_products(get: Get) -> None:
    Product.objects.filter(sku="blends-armchair").update(title="Zibblewock")
    collect_terms()

    assert get("search/text/", {"q": "zibblewokc"})["query"]["corrected"] == "zibblewock"
    Product.objects.filter(sku="blends-armchair").update(title="Armchair")
    collect_terms()
    assert get("search/text/", {"q": "zibblewokc"})["query"]["corrected"] is None


def test_outlines_of_one_thing_are_merged() -> None:
    dress = (0.3, 0.1, 0.4, 0.8)

    assert are_same(dress, (0.32, 0.12, 0.38, 0.75))
    assert are_same(dress, (0.33, 0.3, 0.35, 0.5))
    assert not are_same(dress, (0.45, 0.1, 0.08, 0.1))
    assert not are_same(dress, (0.75, 0.1, 0.2, 0.8))


@pytest.mark.parametrize(
    ("picture", "meant"), [("🪑", "chair"), ("🛏️", "bed"), ("red 🪑", "red chair")]
)
def test_a_picture_is_read_by_its_name(get: Get, picture: str, meant: str) -> None:
    drawn, written = (get("search/text/", {"q": words}) for words in (picture, meant))

    assert drawn["query"]["corrected"] == meant
    assert titles(drawn) == titles(written) != []
