"""exact, similar and weak, by numbers worked out by hand; and by photos of the demo."""

from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from django.test import Client

from catalog.index.match_margin import Calibration, Neighbourhood
from indexing.quality.match_calibration import BACKGROUNDS, INDOOR_NAMES, find_photos_of_nothing
from search.ranking.match_level import classify_match
from search.retrieval.candidates import Candidate
from tests.search.conftest import DemoPhoto

Ask = Callable[..., dict[str, Any]]

CALIBRATED = Calibration(exact=0.4, something=0.35, similar=0.2)


def called(similarity: float | None, near: Neighbourhood | None, lexical: float = 0.0) -> str:
    created_at = datetime(2026, 1, 1, tzinfo=UTC)
    candidate = Candidate(1, similarity, lexical, Decimal(1), created_at)
    return classify_match(candidate, near, CALIBRATED, exact_cosine=0.95, similar_cosine=0.75)


@pytest.mark.parametrize(
    ("similarity", "greatest", "expected"),
    [
        (0.901, 0.901, "exact"),  # 0.4 above what is ordinary
        (0.89, 0.90, "similar"),
        (0.701, 0.90, "similar"),  # 0.2
        (0.69, 0.90, "weak"),
        (0.851, 0.851, "similar"),  # the first has 0.35: something
        (0.84, 0.84, "weak"),  # the first has 0.34: nothing like the photo
        (0.95, 0.95, "exact"),
    ],
)
def test_results_are_called_by_how_far_they_stand_out(
    similarity: float, greatest: float, expected: str
) -> None:
    assert called(similarity, Neighbourhood(greatest, 0.5)) == expected


def test_the_same_photo_is_exact_wherever_it_is() -> None:
    among_its_likes = Neighbourhood(0.96, 0.93)

    assert called(0.96, among_its_likes) == "exact"
    assert called(0.94, among_its_likes) == "weak"


@pytest.mark.parametrize(
    ("similarity", "expected"),
    [(0.95, "exact"), (0.94, "similar"), (0.75, "similar"), (0.74, "weak")],
)
def test_among_a_few_products_the_cosine_decides(similarity: float, expected: str) -> None:
    assert called(similarity, None) == expected


def test_words_in_its_text_make_a_result_similar() -> None:
    assert called(None, None, lexical=0.1) == "similar"
    assert called(0.1, Neighbourhood(0.6, 0.5), lexical=0.1) == "similar"
    assert called(None, None) == "weak"


def test_an_index_without_exact_results_has_none() -> None:
    candidate = Candidate(1, 0.93, 0.0, Decimal(1), datetime(2026, 1, 1, tzinfo=UTC))
    unsure = Calibration(exact=None)

    assert classify_match(candidate, Neighbourhood(0.93, 0.5), unsure, 0.95, 0.75) == "similar"


@pytest.mark.django_db
@pytest.mark.usefixtures("demo_index")
def test_of_strange_photos_called_exact_nine_in_ten_are_right(by_photo: Ask) -> None:
    # Given photos that neither the calibration nor the encoder has seen.
    from catalog.labelled_photos import read_photos

    strange = Path(__file__).resolve().parents[3] / "catalog" / "demo" / "strange"
    photos = read_photos(strange / "photos.jsonl")[::2]

    found = [(p.sku, by_photo(p.path.read_bytes(), box=p.box)["results"]) for p in photos]

    exact = [
        sku == shown[0]["product"]["sku"] for sku, shown in found if shown[0]["match"] == "exact"
    ]
    assert sum(exact) / len(exact) >= 0.9
    assert len(exact) / len(photos) >= 0.5
    # And of most photos the right product is called similar at least.
    called = [{r["product"]["sku"]: r["match"] for r in shown}.get(sku) for sku, shown in found]
    assert sum(match in ("exact", "similar") for match in called) / len(photos) >= 0.65


@pytest.mark.django_db
@pytest.mark.usefixtures("demo_index")
def test_photos_of_nothing_in_the_catalogue_have_only_weak_matches(by_photo: Ask) -> None:
    # Given surfaces, landscapes and streets that the calibration has not seen.
    outdoors = [p for p in BACKGROUNDS.glob("*.webp") if not any(w in p.stem for w in INDOOR_NAMES)]
    unseen = sorted({*outdoors} - {*find_photos_of_nothing()})

    answers = [by_photo(path.read_bytes()) for path in unseen]

    weak = [{r["match"] for r in answer["results"]} == {"weak"} for answer in answers]
    assert len(weak) > 100
    assert sum(weak) / len(weak) >= 0.93


@pytest.mark.django_db
@pytest.mark.usefixtures("demo_index")
@pytest.mark.parametrize(
    ("language", "sentence"),
    [("en", "Nothing quite like this was found."), ("ru", "Ничего очень похожего не нашлось.")],
)
def test_the_page_says_that_nothing_like_the_photo_was_found(
    client: Client, photos: dict[str, DemoPhoto], language: str, sentence: str
) -> None:
    wall = (BACKGROUNDS / "miniworld-brick-wall-1.webp").read_bytes()
    headers = {"Accept-Language": language}

    def page(photo: bytes) -> str:
        answer = client.post("/search/", {"image": BytesIO(photo)}, headers=headers, follow=True)
        return answer.content.decode()

    assert page(wall).count(sentence) == 1
    assert 'class="badge' not in page(wall)
    assert 'class="score"' not in page(wall)  # how near the nearest are says nothing then
    lamp = page(photos["scopia-living-lamp-2"].data)
    assert sentence not in lamp
    assert lamp.count('class="score"') == lamp.count('class="badge')


@pytest.mark.django_db
@pytest.mark.usefixtures("demo_index")
def test_a_filter_changes_nothing_about_how_results_are_called(by_photo: Ask) -> None:
    everything = by_photo("scopia-living-lamp-2", limit=100, fold=False)
    called = {r["product"]["id"]: r["match"] for r in everything["results"]}

    filtered = by_photo("scopia-living-lamp-2", category="lights", limit=100, fold=False)

    both = [r for r in filtered["results"] if r["product"]["id"] in called]
    assert len(both) > 3
    assert [r["match"] for r in both] == [called[r["product"]["id"]] for r in both]
