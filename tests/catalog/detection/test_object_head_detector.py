"""The cells of an object head become boxes in the photo; the numbers are worked out by hand."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from catalog.detection.object_head_detector import read_cells
from catalog.detection.overlaps import intersection_over_union, suppress_overlaps
from catalog.visual.encoder import ObjectHeadSettings
from catalog.visual.preprocessing import Preprocessing

PLAIN = ObjectHeadSettings(threshold=0.5, margin=0.0)


def preprocessing(mode: str, height: int = 100, width: int = 100) -> Preprocessing:
    return Preprocessing(height, width, (0,) * 3, (1,) * 3, "bilinear", mode, 255)


def cells_of(*rows: Any) -> np.ndarray:
    return np.array(rows, np.float32).reshape(-1, 5)


# --- Overlap --------------------------------------------------------------------------------------


def test_overlap_is_the_share_of_the_union() -> None:
    box = np.array([0, 0, 2, 2])
    others = np.array([[0, 0, 2, 2], [1, 0, 3, 2], [1, 1, 2, 2], [2, 0, 4, 2], [5, 5, 6, 6]])

    # Intersections 4, 2, 1, 0 and 0; unions 4, 6, 4, 8 and 5.
    assert intersection_over_union(box, others) == pytest.approx([1, 1 / 3, 1 / 4, 0, 0])


def test_the_best_of_overlapping_boxes_is_kept() -> None:
    boxes = np.array([[0, 0, 10, 10], [0, 0, 10, 6], [0, 0, 10, 4], [20, 0, 30, 10]], float)
    scores = np.array([0.8, 0.9, 0.7, 0.6])

    # The second has the highest score; its overlap is 6/10 with the first, 4/6 with the third.
    assert suppress_overlaps(boxes, scores, max_overlap=0.5, max_boxes=5) == [1, 3]
    assert suppress_overlaps(boxes, scores, max_overlap=0.65, max_boxes=5) == [1, 0, 3]
    assert suppress_overlaps(boxes, scores, max_overlap=1.0, max_boxes=2) == [1, 0]
    assert suppress_overlaps(boxes[:0], scores[:0], max_overlap=0.5, max_boxes=5) == []


# --- Geometry -------------------------------------------------------------------------------------

# A photo of 200 × 100 in an input of 100 × 100: padded to rows 25 to 75; squashed to half its
# width; or scaled by 1 and cut to columns 50 to 150.
WIDE = (200, 100)
PLACES = [
    ("longest", (0.0, 0.25, 1.0, 0.75), (0.0, 0.0, 1.0, 1.0)),
    ("longest", (0.5, 0.5, 0.75, 0.625), (0.5, 0.5, 0.75, 0.75)),
    ("squash", (0.1, 0.2, 0.3, 0.4), (0.1, 0.2, 0.3, 0.4)),
    ("shortest", (0.0, 0.0, 1.0, 1.0), (0.25, 0.0, 0.75, 1.0)),
    ("shortest", (0.5, 0.2, 0.6, 0.4), (0.5, 0.2, 0.55, 0.4)),
]


@pytest.mark.parametrize(("mode", "of_input", "of_photo"), PLACES)
def test_a_box_is_mapped_between_photo_and_input(mode: str, of_input: Any, of_photo: Any) -> None:
    geometry = preprocessing(mode)

    assert geometry.to_photo(np.array([of_input]), WIDE)[0] == pytest.approx(of_photo)
    assert geometry.to_input(np.array([of_photo]), WIDE)[0] == pytest.approx(of_input)


def test_only_the_middle_of_a_long_photo_is_in_the_input() -> None:
    # 9600 × 100 is cut to 3200 × 100 from column 3200 on.
    [middle] = preprocessing("squash").to_photo(np.array([[0, 0, 1, 1]]), (9600, 100))

    assert middle == pytest.approx([1 / 3, 0, 2 / 3, 1])


@given(
    mode=st.sampled_from(["longest", "squash", "shortest"]),
    inputs=st.tuples(st.integers(16, 400), st.integers(16, 400)),
    size=st.tuples(st.integers(1, 5000), st.integers(1, 5000)),
    box=st.tuples(*[st.floats(-0.5, 1.5)] * 4),
)
def test_mapping_to_the_input_and_back_gives_the_same_box(
    mode: str, inputs: Any, size: tuple[int, int], box: Any
) -> None:
    geometry = preprocessing(mode, *inputs)

    back = geometry.to_photo(geometry.to_input(np.array([box]), size), size)

    assert back[0] == pytest.approx(box, abs=1e-6)


@given(
    mode=st.sampled_from(["longest", "squash", "shortest"]),
    inputs=st.tuples(st.integers(48, 160), st.integers(48, 160)),
    size=st.tuples(st.integers(60, 400), st.integers(60, 400)),
)
def test_an_object_is_where_the_mapping_says(mode: str, inputs: Any, size: tuple[int, int]) -> None:
    # Given a dark rectangle in the middle of a light photo. No preprocessing crops it away.
    width, height = size
    edges = (3 * width // 8, 3 * height // 8, 5 * width // 8, 5 * height // 8)
    photo = Image.new("RGB", size, (200, 200, 200))
    photo.paste((0, 0, 0), edges)
    geometry = preprocessing(mode, *inputs)
    box = np.array([edges]) / np.array([width, height, width, height])

    expected = np.clip(geometry.to_input(box, size)[0], 0, 1)

    rows, columns = np.nonzero(geometry.pixels(photo)[..., 0] < 100)
    h, w = inputs
    seen = columns.min() / w, rows.min() / h, (columns.max() + 1) / w, (rows.max() + 1) / h
    assert np.abs(expected - seen).max() * min(h, w) <= 1.5  # pixels


# --- Objects --------------------------------------------------------------------------------------


def test_cells_below_the_threshold_are_no_objects() -> None:
    cells = cells_of([0.49, 0, 0, 0.4, 1], [0.5, 0.6, 0, 1, 1])

    [found] = read_cells(cells, (100, 100), preprocessing("squash"), PLAIN)

    assert found.confidence == 0.5
    assert found.box == pytest.approx((0.6, 0, 0.4, 1))


def test_boxes_are_fractions_of_the_photo_and_end_at_its_edges() -> None:
    # In the padded input, rows 0.25 to 0.75 are the photo.
    cells = cells_of([0.9, -0.2, 0.1, 0.5, 0.5])

    [found] = read_cells(cells, WIDE, preprocessing("longest"), PLAIN)

    assert found.box == pytest.approx((0, 0, 0.5, 0.5))


def test_boxes_in_the_padding_and_tiny_boxes_are_no_objects() -> None:
    cells = cells_of([0.9, 0, 0, 1, 0.24], [0.9, 0.5, 0.4, 0.519, 0.6], [0.6, 0.5, 0.4, 0.53, 0.6])

    [found] = read_cells(cells, WIDE, preprocessing("longest"), PLAIN)

    assert found.confidence == pytest.approx(0.6)


def test_a_box_has_a_margin_that_stays_in_the_photo() -> None:
    cells = cells_of([0.9, 0.2, 0.5, 0.6, 1.0])

    [found] = read_cells(cells, (100, 100), preprocessing("squash"), ObjectHeadSettings(0.5, 0.1))

    # 0.04 is added on each side and 0.05 above; below, the photo ends.
    assert found.box == pytest.approx((0.16, 0.45, 0.48, 0.55))


def test_at_most_five_objects_are_detected_by_falling_confidence() -> None:
    cells = cells_of(*([0.5 + i / 20, i / 8, 0, i / 8 + 0.1, 1] for i in range(8)))

    found = read_cells(cells, (100, 100), preprocessing("squash"), PLAIN)

    assert [one.confidence for one in found] == pytest.approx([0.85, 0.8, 0.75, 0.7, 0.65])


def test_no_cells_give_no_detections() -> None:
    assert read_cells(cells_of(), (10, 10), preprocessing("squash"), PLAIN) == []
