"""What every detector guarantees. Another detector is one more entry of CASES."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageChops

from catalog.demo.load import FOLDER
from catalog.detection.detector import (
    MAX_OBJECTS,
    MAX_OVERLAP,
    MIN_SIDE,
    Detection,
    Detector,
    detector_for,
)
from catalog.detection.object_head_detector import ObjectHeadDetector
from catalog.detection.overlaps import intersection_over_union
from catalog.imaging.image_decoding import Box, decode_image
from catalog.index.live_index import encoder_named
from tests.indexing.histogram_encoder import HistogramEncoder
from tests.search.colour_spotter import COLOURS, DETECTOR, ColourDetector, ColourSpotter, scene

MARGIN = 0.06  # by which the overlap of two boxes may grow when margins are added to them


@dataclass(frozen=True)
class Case:
    """A detector, pictures of single things, and photos of several things that overlap."""

    detector: Detector
    things: list[Image.Image]
    scenes: list[Image.Image]


def object_head() -> Case:
    """The object head of the starter encoder, with products and shoppers' photos of the demo."""
    paths = sorted((FOLDER / "images").glob("*/*"))[: 8 * 40 : 40]
    products = [Image.open(path).convert("RGB") for path in paths]
    scenes = [
        decode_image(path.read_bytes(), at_least=900)
        for path in sorted((FOLDER / "photos").iterdir())[:40:8]
    ]
    detector = ObjectHeadDetector.for_encoder(encoder_named("starter"))
    assert detector is not None
    return Case(detector, [cut_to_content(product) for product in products], scenes)


def colours() -> Case:
    """The detector of colours, with patches; in the scenes one patch surrounds another."""
    things = [Image.new("RGB", (200, 160), name) for name in COLOURS if name != "white"]
    framed = ("red", (20, 20, 300, 220)), ("blue", (25, 25, 290, 210))
    return Case(ColourDetector(ColourSpotter()), things, [scene(*framed), scene(*framed[::-1])])


CASES = {"object head": object_head, "colours": colours}


@pytest.fixture(scope="module", params=CASES.values(), ids=CASES.keys())
def case(request: pytest.FixtureRequest) -> Case:
    make: Callable[[], Case] = request.param
    return make()


def cut_to_content(image: Image.Image) -> Image.Image:
    difference = ImageChops.difference(image, Image.new("RGB", image.size, "white"))
    return image.crop(difference.convert("L").point(lambda value: 255 * (value > 16)).getbbox())


def lay_out(
    things: Sequence[Image.Image], columns: int, rows: int
) -> tuple[Image.Image, list[Box]]:
    """A white photo of 1200 × 900 with one thing in each cell of a grid, and their boxes."""
    photo = Image.new("RGB", (1200, 900), "white")
    width, height = 1200 // columns, 900 // rows
    boxes = []
    for number, thing in enumerate(things):
        small = thing.copy()
        small.thumbnail((0.8 * width, 0.6 * height))
        left = number % columns * width + (width - small.width) // 2
        top = number // columns * height + (height - small.height) // 2
        photo.paste(small, (left, top))
        boxes.append((left / 1200, top / 900, small.width / 1200, small.height / 900))
    return photo, boxes


def corners(boxes: Sequence[Box]) -> np.ndarray:
    x, y, width, height = np.array(boxes).reshape(-1, 4).T
    return np.stack([x, y, x + width, y + height], axis=1)


def overlap(box: Box, boxes: Sequence[Box]) -> np.ndarray:
    return intersection_over_union(corners([box])[0], corners(boxes))


def boxes_of(detections: Sequence[Detection]) -> list[Box]:
    return [detection.box for detection in detections]


def all_photos(case: Case) -> list[Image.Image]:
    crowded, _ = lay_out(case.things[:8], 4, 2)
    return [*case.scenes, *case.things, crowded, crowded.resize((3, 500)), crowded.resize((1, 1))]


def assert_same(found: Sequence[Detection], expected: Sequence[Detection]) -> None:
    assert len(found) == len(expected)
    for one, other in zip(found, expected, strict=True):
        assert one.box == pytest.approx(other.box, abs=1e-3)
        assert one.confidence == pytest.approx(other.confidence, abs=1e-3)


@pytest.mark.parametrize("count", [1, 2, 3])
def test_each_thing_in_a_photo_is_found_once_and_before_anything_else(
    case: Case, count: int
) -> None:
    photo, boxes = lay_out(case.things[:count], count, 1)

    [found] = case.detector.detect([photo])

    assert len(found) >= count
    for box in boxes:
        assert (overlap(box, boxes_of(found[:count])) > 0.5).sum() == 1
        assert (overlap(box, boxes_of(found)) > 0.6).sum() <= 1


def test_boxes_are_parts_of_the_photo_and_confidences_fall(case: Case) -> None:
    for found in case.detector.detect(all_photos(case)):
        for detection in found:
            x, y, width, height = detection.box
            assert min(x, y) >= 0
            assert max(x + width, y + height) <= 1 + 1e-9
            assert min(width, height) >= MIN_SIDE
            assert 0 < detection.confidence <= 1
        confidences = [detection.confidence for detection in found]
        assert confidences == sorted(confidences, reverse=True)


def test_a_crowded_photo_has_no_more_than_the_most_confident_objects(case: Case) -> None:
    crowded, _ = lay_out(case.things[:8], 4, 2)

    [found] = case.detector.detect([crowded])

    assert len(found) == MAX_OBJECTS


def test_overlapping_boxes_are_merged(case: Case) -> None:
    for found in case.detector.detect(case.scenes):
        boxes = boxes_of(found)
        assert boxes
        for number, box in enumerate(boxes):
            assert (overlap(box, boxes[number + 1 :]) <= MAX_OVERLAP + MARGIN).all()


@pytest.mark.parametrize("size", [(640, 480), (480, 640), (1, 1), (2000, 2)])
def test_a_blank_photo_has_no_detections(case: Case, size: tuple[int, int]) -> None:
    assert case.detector.detect([Image.new("RGB", size, "white")]) == [[]]


def test_detections_do_not_depend_on_batches_or_threads(case: Case) -> None:
    photos = all_photos(case)
    alone = [case.detector.detect([photo])[0] for photo in photos]

    together = case.detector.detect(photos)
    with ThreadPoolExecutor(4) as threads:
        at_once = list(threads.map(lambda photo: case.detector.detect([photo])[0], photos))

    for number, expected in enumerate(alone):
        assert_same(together[number], expected)
        assert_same(at_once[number], expected)


def test_vectors_come_with_the_detections(case: Case) -> None:
    encoder = case.detector.encoder

    vectors, found = case.detector.encode_and_detect(case.scenes)

    assert vectors == pytest.approx(encoder.encode_images(case.scenes), abs=1e-4)
    for objects, expected in zip(found, case.detector.detect(case.scenes), strict=True):
        assert_same(objects.detections, expected)
        assert objects.single is None or 0 <= objects.single <= 1


def test_no_photos_give_no_detections(case: Case) -> None:
    assert case.detector.detect([]) == []
    vectors, found = case.detector.encode_and_detect([])
    assert (vectors.shape, found) == ((0, case.detector.encoder.dimensions), [])


def test_an_encoder_of_another_kind_has_no_such_detector(case: Case) -> None:
    assert type(case.detector).for_encoder(case.detector.encoder) is not None
    assert type(case.detector).for_encoder(HistogramEncoder()) is None


def test_the_setting_chooses_the_detector(settings: Any) -> None:
    starter, spotter = encoder_named("starter"), ColourSpotter()

    assert isinstance(detector_for(starter), ObjectHeadDetector)
    assert detector_for(spotter) is None
    settings.DETECTOR = DETECTOR
    assert isinstance(detector_for(spotter), ColourDetector)
    assert detector_for(starter) is None


def test_the_object_head_needs_no_second_pass(monkeypatch: pytest.MonkeyPatch) -> None:
    starter = encoder_named("starter")
    detector = ObjectHeadDetector(starter)
    run, passes = starter.run_object_head, []
    monkeypatch.setattr(starter, "run_object_head", lambda p: passes.append(len(p)) or run(p))
    monkeypatch.delattr(type(starter), "encode_pixels")

    detector.encode_and_detect([Image.new("RGB", (200, 200), "red")] * 2)

    assert passes == [2]
