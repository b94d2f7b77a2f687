"""Match levels, on numbers worked out by hand and on photos of the demo."""

from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from django.test import Client

from catalog.index.live_index import live_generation
from catalog.index.match import Calibration, Neighbourhood
from search.ranking.match_level import classify_match
from search.retrieval.candidates import Candidate
from tests.search.conftest import DemoPhoto

Search = Callable[..., dict[str, Any]]

BACKGROUNDS = Path(__file__).resolve().parents[3] / "indexing" / "training" / "backgrounds"
INDOOR_NAMES = ("apartment", "hall", "lab", "lobby", "warehouse", "workshop")
CALIBRATED = Calibration(
    similar_resemblance=0.3,
    exact_margin=0.1,
    exact_cosine=0.6,
    same_photo_cosine=0.95,
    source="views",
)


def classify(
    similarity: float | None,
    near: Neighbourhood | None,
    lexical: float = 0.0,
    calibration: Calibration = CALIBRATED,
    blank: bool = False,
) -> str:
    created_at = datetime(2026, 1, 1, tzinfo=UTC)
    candidate = Candidate(1, similarity, lexical, Decimal(1), created_at)
    return classify_match(candidate, near, calibration, similar_cosine=0.75, blank=blank)


@pytest.mark.parametrize(
    ("similarity", "expected"),
    [
        (0.8, "exact"),  # a margin of 0.11
        (0.69, "similar"),
        (0.61, "similar"),  # a resemblance of 0.61 - 0.6 / 2
        (0.59, "weak"),
    ],
)
def test_resemblance_and_margin_decide_the_match_level(similarity: float, expected: str) -> None:
    assert classify(similarity, Neighbourhood(0.8, 0.69, nothing=0.6)) == expected


def test_a_product_beside_others_like_it_is_similar() -> None:
    assert classify(0.8, Neighbourhood(0.8, 0.75, nothing=0.6)) == "similar"


def test_the_same_photo_is_exact_whatever_its_margin() -> None:
    among_its_likes = Neighbourhood(0.96, 0.95, nothing=0.6)

    assert classify(0.96, among_its_likes) == "exact"
    assert classify(0.96, among_its_likes, blank=True) == "similar"


def test_what_a_detector_is_unsure_of_has_to_be_closer_to_its_product() -> None:
    near = Neighbourhood(0.63, 0.5, nothing=0.6)  # 0.63 is 0.03 above the least cosine

    sure, unsure, hardly = (CALIBRATED.for_detection(n) for n in (0.9, 0.46, 0.44))

    assert classify(0.63, near, calibration=sure) == "exact"
    assert classify(0.63, near, calibration=unsure) == "exact"  # 0.6 + 0.2 * 0.14
    assert classify(0.63, near, calibration=hardly) == "similar"  # 0.6 + 0.2 * 0.16
    assert Calibration().for_detection(0.1) == Calibration()


def test_without_a_margin_only_the_same_photo_is_exact() -> None:
    calibration = CALIBRATED.without_margin()

    far_from_the_next = Neighbourhood(0.8, 0.5, nothing=0.6)
    assert classify(0.8, far_from_the_next, calibration=calibration) == "similar"
    assert classify(0.96, Neighbourhood(0.96, 0.5, nothing=0.6), calibration=calibration) == "exact"


def test_words_in_the_text_make_a_result_similar() -> None:
    assert classify(None, None, lexical=0.1) == "similar"
    assert classify(0.1, Neighbourhood(0.6, 0.5, nothing=0.6), lexical=0.1) == "similar"
    assert classify(None, None) == "weak"


@pytest.mark.parametrize(("similarity", "expected"), [(0.99, "similar"), (0.74, "weak")])
def test_without_a_calibration_a_result_is_at_most_similar(
    similarity: float, expected: str
) -> None:
    near = Neighbourhood(similarity, 0.2)

    assert classify(similarity, near, calibration=Calibration()) == expected


@pytest.mark.django_db
@pytest.mark.usefixtures("demo_index")
@pytest.mark.long
def test_nine_in_ten_exact_matches_of_unseen_photos_are_right(by_photo: Search) -> None:
    # Given photos that neither the calibration nor the encoder has seen.
    from catalog.quality.labelled_photos import read_photos

    strange = Path(__file__).resolve().parents[3] / "catalog" / "demo" / "strange"
    photos = read_photos(strange / "photos.jsonl")

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
def test_photos_without_a_product_have_only_weak_matches(by_photo: Search, long_run: bool) -> None:
    # Given surfaces, landscapes and streets that the calibration has not seen.
    outdoors = [p for p in BACKGROUNDS.glob("*.webp") if not any(w in p.stem for w in INDOOR_NAMES)]
    unseen = sorted(outdoors)[:: 1 if long_run else 3]

    answers = [by_photo(path.read_bytes()) for path in unseen]

    weak = [{r["match"] for r in answer["results"]} == {"weak"} for answer in answers]
    assert len(weak) > 70
    assert sum(weak) / len(weak) >= 0.92


@pytest.mark.django_db
@pytest.mark.usefixtures("demo_index")
@pytest.mark.parametrize(
    ("language", "sentence"),
    [("en", "We found nothing quite like this."), ("ru", "Точно такого не нашлось.")],
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
    lamp = page(photos["scopia-living-lamp-2"].data)
    assert sentence not in lamp
    assert 'class="badge' in lamp


@pytest.mark.django_db
@pytest.mark.usefixtures("demo_index")
def test_without_a_calibration_the_answer_says_so_and_the_page_makes_no_claim(
    client: Client, by_photo: Search, photos: dict[str, DemoPhoto]
) -> None:
    # Given an index that an older version has calibrated.
    generation = live_generation()
    assert generation is not None
    generation.match = {"exact": 0.19, "something": 0.14, "similar": 0.05, "blank": 0.83}
    generation.save(update_fields=["match"])
    lamp = "scopia-living-lamp-2"

    answer = by_photo(lamp, limit=100)
    wall = (BACKGROUNDS / "miniworld-brick-wall-1.webp").read_bytes()
    pages = [
        client.post("/search/", {"image": BytesIO(photo)}, follow=True).content.decode()
        for photo in (photos[lamp].data, wall)
    ]

    assert answer["calibrated"] is False
    assert {result["match"] for result in answer["results"]} == {"similar", "weak"}
    for page in pages:
        assert page.count('class="card') > 3
        assert 'class="badge' not in page
        assert 'class="score"' not in page
        assert "nothing quite like this" not in page


@pytest.mark.django_db
@pytest.mark.usefixtures("demo_index")
def test_filters_do_not_change_match_levels(by_photo: Search) -> None:
    everything = by_photo("scopia-living-lamp-2", limit=100, fold=False)
    levels = {r["product"]["id"]: r["match"] for r in everything["results"]}

    filtered = by_photo("scopia-living-lamp-2", category="lights", limit=100, fold=False)

    both = [r for r in filtered["results"] if r["product"]["id"] in levels]
    assert len(both) > 3
    assert [r["match"] for r in both] == [levels[r["product"]["id"]] for r in both]
