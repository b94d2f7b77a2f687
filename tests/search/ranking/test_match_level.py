"""Match levels, on numbers worked out by hand and on photos of the demo."""

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

Search = Callable[..., dict[str, Any]]

CALIBRATED = Calibration(exact=0.4, something=0.35, similar=0.2)


def classify(similarity: float | None, near: Neighbourhood | None, lexical: float = 0.0) -> str:
    created_at = datetime(2026, 1, 1, tzinfo=UTC)
    candidate = Candidate(1, similarity, lexical, Decimal(1), created_at)
    return classify_match(candidate, near, CALIBRATED, exact_cosine=0.95, similar_cosine=0.75)


@pytest.mark.parametrize(
    ("similarity", "greatest", "expected"),
    [
        (0.901, 0.901, "exact"),  # a margin of 0.4
        (0.89, 0.90, "similar"),
        (0.701, 0.90, "similar"),  # a margin of 0.2
        (0.69, 0.90, "weak"),
        (0.851, 0.851, "similar"),  # the best margin is 0.35
        (0.84, 0.84, "weak"),  # the best margin is 0.34
        (0.95, 0.95, "exact"),
    ],
)
def test_the_match_margin_decides_the_match_level(
    similarity: float, greatest: float, expected: str
) -> None:
    assert classify(similarity, Neighbourhood(greatest, 0.5)) == expected


def test_the_same_photo_is_exact_whatever_its_margin() -> None:
    among_its_likes = Neighbourhood(0.96, 0.93)

    assert classify(0.96, among_its_likes) == "exact"
    assert classify(0.94, among_its_likes) == "weak"


@pytest.mark.parametrize(
    ("similarity", "expected"),
    [(0.95, "exact"), (0.94, "similar"), (0.75, "similar"), (0.74, "weak")],
)
def test_without_a_neighbourhood_the_cosine_decides(similarity: float, expected: str) -> None:
    assert classify(similarity, None) == expected


def test_words_in_the_text_make_a_result_similar() -> None:
    assert classify(None, None, lexical=0.1) == "similar"
    assert classify(0.1, Neighbourhood(0.6, 0.5), lexical=0.1) == "similar"
    assert classify(None, None) == "weak"


def test_a_calibration_without_an_exact_margin_has_no_exact_matches() -> None:
    candidate = Candidate(1, 0.93, 0.0, Decimal(1), datetime(2026, 1, 1, tzinfo=UTC))
    unsure = Calibration(exact=None)

    assert classify_match(candidate, Neighbourhood(0.93, 0.5), unsure, 0.95, 0.75) == "similar"


@pytest.mark.django_db
@pytest.mark.usefixtures("demo_index")
def test_nine_in_ten_exact_matches_of_unseen_photos_are_right(by_photo: Search) -> None:
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
    # For most photos, the right product is at least similar.
    levels = [{r["product"]["sku"]: r["match"] for r in shown}.get(sku) for sku, shown in found]
    assert sum(match in ("exact", "similar") for match in levels) / len(photos) >= 0.65


@pytest.mark.django_db
@pytest.mark.usefixtures("demo_index")
def test_photos_without_a_product_have_only_weak_matches(by_photo: Search) -> None:
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
def test_the_page_says_that_nothing_similar_was_found(
    client: Client, photos: dict[str, DemoPhoto], language: str, sentence: str
) -> None:
    wall = (BACKGROUNDS / "miniworld-brick-wall-1.webp").read_bytes()
    headers = {"Accept-Language": language}

    def page(photo: bytes) -> str:
        answer = client.post("/search/", {"image": BytesIO(photo)}, headers=headers, follow=True)
        return answer.content.decode()

    assert page(wall).count(sentence) == 1
    assert 'class="badge' not in page(wall)
    assert 'class="score"' not in page(wall)  # without matches, scores are not shown
    lamp = page(photos["scopia-living-lamp-2"].data)
    assert sentence not in lamp
    assert lamp.count('class="score"') == lamp.count('class="badge')


@pytest.mark.django_db
@pytest.mark.usefixtures("demo_index")
def test_filters_do_not_change_match_levels(by_photo: Search) -> None:
    everything = by_photo("scopia-living-lamp-2", limit=100, fold=False)
    levels = {r["product"]["id"]: r["match"] for r in everything["results"]}

    filtered = by_photo("scopia-living-lamp-2", category="lights", limit=100, fold=False)

    both = [r for r in filtered["results"] if r["product"]["id"] in levels]
    assert len(both) > 3
    assert [r["match"] for r in both] == [levels[r["product"]["id"]] for r in both]
