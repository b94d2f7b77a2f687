"""Searches by photos of one object in which the detector finds several: its parts."""

from collections.abc import Callable
from dataclasses import replace
from io import BytesIO
from typing import Any

import numpy as np
import pytest
from django.test import Client

from catalog.detection.detector import Detection, PhotoObjects
from catalog.detection.photo_analysis import (
    PhotoAnalysis,
    are_parts,
    build_targets,
    choose_crops,
    choose_main_crop,
    choose_targets,
)
from catalog.index.vectors import mean_direction
from search.photo_search import search
from search.request import SearchRequest
from tests.search.colour_spotter import ColourSpotter, fill_shop, png, scene

TWO_PARTS = png(scene(("red", (20, 60, 140, 180)), ("blue", (180, 60, 290, 180))))


@pytest.fixture
def encoder(db: None, spotter: ColourSpotter) -> ColourSpotter:
    """A shop with a product of each colour. Its detector takes patches for parts of one object."""
    fill_shop(spotter)
    spotter.single = 0.8
    return spotter


@pytest.fixture(autouse=True)
def _no_target_dominates(settings: Any) -> None:
    settings.OBJECT_DOMINANCE = 1000.0


def box_of(x: float, y: float, width: float, height: float, confidence: float = 0.5) -> Detection:
    return Detection((x, y, width, height), confidence)


def unit(*numbers: float) -> np.ndarray:
    return mean_direction(np.array([numbers]))


def test_parts_of_one_object_give_way_to_the_whole_photo() -> None:
    parts = [box_of(0, 0, 0.4, 0.8, confidence=0.9), box_of(0.7, 0, 0.1, 0.1, confidence=0.6)]
    analysed = PhotoAnalysis(unit(0, 0, 1), parts, np.stack([unit(1, 0, 0)]), "", unit(0, 1, 0))

    targets = build_targets(analysed, 0.0)

    # Beside the crop around all detections, the main part counts by the share of it that it covers,
    # and the whole photo counts half.
    assert [target.vector.tolist() for target in targets] == [
        pytest.approx([1, 0, 0]),
        pytest.approx([0.4082, 0.8165, 0.4082], abs=1e-4),
    ]
    assert [(target.object, target.confidence) for target in targets] == [(0, 0.9), (None, 0.9)]
    # If they are surely parts of one object, this is the only target.
    [target] = build_targets(replace(analysed, is_single=True), 0.0)
    assert target.vector.tolist() == targets[1].vector.tolist()
    assert (target.object, target.confidence) == (None, 0.9)


@pytest.mark.parametrize(
    ("single", "confidence", "expected"),
    [
        (0.5, (0.8, 0.4), True),
        (0.49, (0.8, 0.4), False),
        (None, (0.8, 0.4), False),
        (0.9, (0.8, 0.39), False),  # one object before a background
        (0.9, (0.8,), False),
        (0.9, (), False),
    ],
)
def test_several_likely_detections_in_a_photo_of_one_object_are_its_parts(
    single: float | None, confidence: tuple[float, ...], expected: bool
) -> None:
    detections = [box_of(0, 0, 0.1, 0.1, confidence=value) for value in confidence]

    assert are_parts(PhotoObjects(detections, single)) == expected


def test_the_box_around_all_detections_is_encoded_with_the_most_confident_one() -> None:
    found = [box_of(0.2, 0.3, 0.1, 0.4), box_of(0.1, 0.5, 0.1, 0.1), box_of(0.3, 0.4, 0.2, 0.5)]

    assert choose_crops(PhotoObjects(found, 0.2)) == [item.box for item in found]
    first, around = choose_crops(PhotoObjects(found, 0.8))
    assert first == found[0].box
    assert around == pytest.approx((0.1, 0.3, 0.4, 0.6))


def test_all_parts_of_the_object_in_one_of_several_photos_are_encoded_together() -> None:
    found = [box_of(0.2, 0.3, 0.1, 0.4), box_of(0.1, 0.5, 0.1, 0.1)]

    assert choose_main_crop(PhotoObjects(found, 0.2)) == [found[0].box]
    [around] = choose_main_crop(PhotoObjects(found, 0.8))
    assert around == pytest.approx((0.1, 0.3, 0.2, 0.4))
    assert choose_main_crop(PhotoObjects([], 0.8)) == []


def test_several_photos_are_searched_for_by_the_mean_of_their_main_objects() -> None:
    found, none = [box_of(0, 0, 0.8, 0.8)], np.empty((0, 3))
    whole = unit(0, 0, 1)
    analyses = [
        PhotoAnalysis(whole, found * 2, none, "", unit(0, 1, 0)),  # its parts
        PhotoAnalysis(whole, found, np.stack([unit(1, 0, 0)]), ""),
        PhotoAnalysis(whole, [], none, ""),
    ]

    [target] = choose_targets(analyses)

    # The whole photo counts half beside each object, and alone where there is none.
    assert target.vector == pytest.approx(unit(0.8944, 0.8944, 2 * 0.4472 + 1), abs=1e-4)
    assert (target.object, target.confidence) == (None, 1.0)


def test_several_photos_of_parts_take_one_crop_each(encoder: ColourSpotter) -> None:
    answer = search(SearchRequest(images=(TWO_PARTS, TWO_PARTS)))

    assert encoder.encoded == 4
    assert {result.object for result in answer.results} == {None}


def test_results_of_the_whole_photo_take_turns_with_those_of_a_part(encoder: ColourSpotter) -> None:
    answer = search(SearchRequest(images=(TWO_PARTS,)))

    assert {result.object for result in answer.results} == {0, None}
    assert [r.whole_photo for r in answer.results] == [r.object is None for r in answer.results]
    assert answer.has_two_readings
    assert len(answer.objects) == 2
    assert encoder.encoded == 3  # the photo, the more confident thing, both things
    again = search(SearchRequest(query=answer.query_id))
    assert [r.product.pk for r in again.results] == [r.product.pk for r in answer.results]
    assert encoder.encoded == 3


def test_a_photo_that_is_surely_of_one_object_is_searched_for_as_a_whole(
    encoder: ColourSpotter,
) -> None:
    encoder.single = 0.9

    answer = search(SearchRequest(images=(TWO_PARTS,)))

    assert {(result.object, result.whole_photo) for result in answer.results} == {(None, False)}
    assert not answer.has_two_readings
    assert len(answer.objects) == 2
    again = search(SearchRequest(query=answer.query_id))
    assert [r.product.pk for r in again.results] == [r.product.pk for r in answer.results]
    assert encoder.encoded == 3


def test_the_api_and_the_page_tell_results_of_the_whole_photo(
    encoder: ColourSpotter, by_photo: Callable[..., Any], client: Client
) -> None:
    answer = by_photo(TWO_PARTS)
    page = client.post(
        "/search/", {"image": BytesIO(TWO_PARTS)}, headers={"HX-Request": "true"}
    ).content.decode()

    objects = [result["object"] for result in answer["results"]]
    assert set(objects) == {0, None}
    assert page.count("Like the whole photo") == objects.count(None)
    assert page.count("Like a part of the photo") == objects.count(0)
