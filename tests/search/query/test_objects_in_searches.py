"""Searches by photos of several objects: their targets, their results and what is kept."""

from collections.abc import Callable
from io import BytesIO
from typing import Any

import numpy as np
import pytest
from django.test import Client

from catalog.detection.detector import Detection
from catalog.detection.photo_analysis import PhotoAnalysis, Target, build_targets
from catalog.index.vectors import mean_direction
from catalog.models import EncoderVersion, Generation, Product
from search.photo_search import search
from search.quality.figures import Outcome, summarise
from search.ranking import paging
from search.request import Filters, SearchRequest
from tests.search.colour_spotter import COLOURS, ColourSpotter, fill_shop, png, scene

LEFT, RIGHT, SMALL = (20, 60, 140, 180), (180, 60, 290, 180), (200, 20, 240, 60)
TWO_THINGS = png(scene(("red", LEFT), ("blue", RIGHT)))
ONE_THING = png(scene(("red", LEFT)))
NOTHING = png(scene())


@pytest.fixture
def encoder(db: None, spotter: ColourSpotter) -> ColourSpotter:
    """A shop with a product of each colour, indexed by the encoder of the colour detector."""
    fill_shop(spotter)
    return spotter


def skus(answer: Any) -> list[str]:
    return [result.product.sku for result in answer.results]


# --- Targets, by numbers worked out by hand -------------------------------------------------------


def detection(confidence: float, width: float, height: float) -> Detection:
    return Detection((0.0, 0.0, width, height), confidence)


def unit(*numbers: float) -> np.ndarray:
    return mean_direction(np.array([numbers]))


def analysis(*detections: Detection) -> PhotoAnalysis:
    count = len(detections)
    crops = np.stack([unit(1, number, 0) for number in range(count)] or [unit(0, 0, 0)])
    return PhotoAnalysis(unit(0, 0, 1), list(detections), crops[:count], "")


def vectors(targets: list[Target]) -> list[list[float]]:
    return [[round(float(number), 4) for number in target.vector] for target in targets]


@pytest.mark.parametrize(
    ("surroundings", "expected"),
    [
        (0.0, [[1, 0, 0], [0.7071, 0.7071, 0]]),
        (1.0, [[0.7071, 0, 0.7071], [0.5, 0.5, 0.7071]]),
    ],
)
def test_each_object_is_a_target_with_or_without_its_surroundings(
    surroundings: float, expected: list[list[float]]
) -> None:
    targets = build_targets(
        analysis(detection(0.9, 0.8, 0.8), detection(0.6, 0.1, 0.1)), surroundings
    )

    assert vectors(targets) == expected
    assert [(target.object, target.confidence) for target in targets] == [(0, 0.9), (1, 0.6)]


def test_without_objects_the_whole_photo_is_the_target() -> None:
    [target] = build_targets(analysis(), 0.5)

    assert vectors([target]) == [[0, 0, 1]]
    assert target.object is None


# --- Searches -------------------------------------------------------------------------------------


def test_both_objects_of_a_scene_come_first(encoder: ColourSpotter) -> None:
    answer = search(SearchRequest(images=(TWO_THINGS,), explain=True))

    assert skus(answer)[:2] == ["red", "blue"]
    assert [result.object for result in answer.results[:4]] == [0, 1, 0, 1]
    assert answer.results[1].score == pytest.approx(1, abs=0.01)
    assert sorted(skus(answer)) == sorted(COLOURS)  # each once
    assert answer.complete
    boxes = [item.box for item in answer.objects]
    assert boxes[0] == pytest.approx((20 / 320, 60 / 240, 120 / 320, 120 / 240), abs=0.05)
    assert boxes[1] == pytest.approx((180 / 320, 60 / 240, 110 / 320, 120 / 240), abs=0.05)


def test_results_of_a_dominant_object_are_shown_alone(
    encoder: ColourSpotter, settings: Any
) -> None:
    settings.OBJECT_DOMINANCE = 1.35
    small = png(scene(("red", (20, 20, 180, 220)), ("blue", SMALL)))

    answer = search(SearchRequest(images=(small,)))

    assert skus(answer)[0] == "red"
    assert {result.object for result in answer.results} == {0}
    assert len(answer.objects) == 2


def test_a_photo_without_objects_is_searched_for_as_a_whole(encoder: ColourSpotter) -> None:
    answer = search(SearchRequest(images=(NOTHING,)))

    assert skus(answer)[0] == "white"
    assert answer.objects == []
    assert {result.object for result in answer.results} == {None}
    assert (encoder.detected_in, encoder.encoded) == (1, 1)


def test_without_a_detector_for_the_encoder_the_whole_photo_is_searched_for(
    encoder: ColourSpotter, settings: Any
) -> None:
    settings.DETECTOR = "catalog.detection.object_head_detector.ObjectHeadDetector"

    answer = search(SearchRequest(images=(ONE_THING,)))

    assert skus(answer)[0] == "white"
    assert answer.objects == []


def test_a_setting_weighs_the_surroundings_of_objects(
    encoder: ColourSpotter, settings: Any
) -> None:
    settings.OBJECT_SURROUNDINGS = 1.0

    answer = search(SearchRequest(images=(ONE_THING,)))

    scores = {result.product.sku: result.score for result in answer.results}
    # A fifth of the photo is red: its cosine with red is √0.2 and with white √0.8.
    assert (scores["red"], scores["white"]) == pytest.approx((0.85, 0.53), abs=0.06)
    assert {result.object for result in answer.results} == {0}


def test_a_box_is_searched_for_without_detection(encoder: ColourSpotter) -> None:
    answer = search(SearchRequest(images=(TWO_THINGS,), box=(0.6, 0.3, 0.3, 0.4)))

    assert skus(answer)[0] == "blue"
    assert answer.box == (0.6, 0.3, 0.3, 0.4)
    assert answer.objects == []
    assert (encoder.detected_in, encoder.encoded) == (0, 1)


def test_the_best_object_of_each_of_several_photos_is_searched_for(encoder: ColourSpotter) -> None:
    other = png(scene(("blue", RIGHT), ("lime", SMALL)))

    answer = search(SearchRequest(images=(ONE_THING, other)))

    assert set(skus(answer)[:2]) == {"red", "blue"}
    assert (encoder.detected_in, encoder.encoded) == (2, 4)
    boxed = search(SearchRequest(images=(TWO_THINGS, other), box=(0.0, 0.0, 0.05, 0.1)))
    assert set(skus(boxed)[:2]) == {"white", "blue"}
    assert boxed.objects == []


def test_pages_of_a_scene_neither_repeat_nor_skip(
    encoder: ColourSpotter, monkeypatch: pytest.MonkeyPatch, settings: Any
) -> None:
    settings.SEARCH_CANDIDATES = 2
    monkeypatch.setattr(paging, "MIN_PHOTOS_PER_QUERY", 2)  # further pages search deeper
    whole = skus(search(SearchRequest(images=(TWO_THINGS,), limit=100)))

    pages: list[str] = []
    offset: int | None = 0
    while offset is not None:
        answer = search(SearchRequest(images=(TWO_THINGS,), limit=3, offset=offset))
        pages += skus(answer)
        offset = answer.next_offset

    assert sorted(pages) == sorted(whole) == sorted(COLOURS)
    assert pages[:2] == ["red", "blue"]


def test_filters_and_sort_order_apply_to_every_object(encoder: ColourSpotter) -> None:
    Product.objects.filter(sku__in=["red", "cyan", "olive"]).update(brand="Warm", price=5)
    Product.objects.filter(sku="cyan").update(price=1)

    answer = search(
        SearchRequest(images=(TWO_THINGS,), filters=Filters(brand=("Warm",)), sort="price")
    )

    assert skus(answer)[0] == "cyan"
    assert sorted(skus(answer)) == ["cyan", "olive", "red"]
    assert answer.facets["brand"] == [{"value": "Warm", "label": "Warm", "count": 3}]


def test_words_decide_what_is_found_for_each_object(encoder: ColourSpotter) -> None:
    answer = search(SearchRequest(images=(TWO_THINGS,), text="lime"))

    assert (answer.kind, answer.fits_words) == ("mixed", True)
    assert skus(answer) == ["lime"]  # nothing else fits the word

    unknown = search(SearchRequest(images=(TWO_THINGS,), text="blorf"))

    assert (unknown.fits_words, set(skus(unknown)[:2])) == (False, {"red", "blue"})
    assert all(result.match != "exact" for result in unknown.results)


def test_a_photo_is_analysed_once_for_all_its_searches(encoder: ColourSpotter) -> None:
    first = search(SearchRequest(images=(TWO_THINGS,)))
    assert (encoder.detected_in, encoder.encoded) == (1, 3)  # the photo; its two things

    page = search(SearchRequest(query=first.query_id, offset=3))
    assert skus(page) == skus(first)[3:]
    assert (encoder.detected_in, encoder.encoded) == (1, 3)

    boxed = search(SearchRequest(query=page.query_id, box=first.objects[1].box))
    assert skus(boxed)[0] == "blue"
    assert boxed.objects == first.objects
    assert (encoder.detected_in, encoder.encoded) == (1, 4)

    again = search(SearchRequest(query=boxed.query_id))
    assert skus(again) == skus(first)
    assert (encoder.detected_in, encoder.encoded) == (1, 4)


def test_another_encoder_analyses_a_kept_photo_again(encoder: ColourSpotter) -> None:
    first = search(SearchRequest(images=(TWO_THINGS,)))
    # Given that another index is live now. Its encoder has another checksum and the same name.
    encoder.checksum = "f" * 64
    EncoderVersion.objects.update(checksum=encoder.checksum)
    Generation.objects.update(note="another")

    assert skus(search(SearchRequest(query=first.query_id))) == skus(first)
    assert encoder.detected_in == 2


def test_a_kept_photo_that_had_a_box_is_searched_whole(
    encoder: ColourSpotter,
) -> None:
    boxed = search(SearchRequest(images=(TWO_THINGS,), box=(0.6, 0.3, 0.3, 0.4)))

    whole = search(SearchRequest(query=boxed.query_id))

    assert skus(whole)[:2] == ["red", "blue"]
    assert len(whole.objects) == 2


# --- Over HTTP ------------------------------------------------------------------------------------


def test_the_api_returns_the_objects(
    encoder: ColourSpotter, by_photo: Callable[..., Any], check_shape: Callable[..., None]
) -> None:
    answer = by_photo(TWO_THINGS, limit=4)

    check_shape(answer["query"]["objects"], [{"box": [(int, float)], "score": float}])
    assert [result["object"] for result in answer["results"]] == [0, 1, 0, 1]
    box = ",".join(map(str, answer["query"]["objects"][1]["box"]))
    tapped = by_photo(None, query=answer["query"]["id"], box=box)
    assert tapped["results"][0]["product"]["sku"] == "blue"
    assert "object" not in tapped["results"][0]


def test_the_schema_describes_the_object_of_a_result(client: Client) -> None:
    schema = client.get("/api/v1/schema/", {"format": "json"}).json()["components"]["schemas"]

    result = schema["Result"]
    assert result["properties"]["object"]["type"] in ("integer", ["integer", "null"])
    assert "object" not in result["required"]
    assert schema["Object"]["required"] == ["box", "score"]


@pytest.mark.parametrize(
    ("language", "label"),
    [
        ("en", "Item 2 of 2"),
        ("ru", "Предмет 2 из 2"),
    ],
)
def test_the_page_names_each_object(
    encoder: ColourSpotter, client: Client, language: str, label: str
) -> None:
    headers = {"HX-Request": "true", "Accept-Language": language}

    page = client.post("/search/", {"image": BytesIO(TWO_THINGS)}, headers=headers)

    assert page.content.decode().count('class="found-object"') == 2
    assert label in page.content.decode()
    assert "reading" not in page.content.decode()  # no result is of the whole photo


def test_an_evaluation_counts_the_objects_found() -> None:
    outcomes = [Outcome("whole", 1, 10.0, count) for count in (0, 1, 3, 2)]

    figures = summarise([*outcomes, Outcome("box", 1, 10.0)])

    assert (figures["whole"]["objects_found"], figures["whole"]["objects_mean"]) == (0.75, 1.5)
    assert figures["box"]["objects_found"] is None
