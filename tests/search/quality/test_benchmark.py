"""The measurements of `bench_search`: photos that no cache can serve, and a floor."""

from decimal import Decimal
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from catalog.imaging.image_decoding import decode_image
from catalog.index.live_index import live_index
from search.quality.search_benchmark import (
    PHOTO_SIDE,
    STAGES,
    encode_queries,
    make_price_filter,
    make_unique,
    measure_load,
    measure_recall,
    measure_with_floor,
    read_photos,
)
from search.request import Filters, SearchRequest

PHOTOS = Path(__file__).resolve().parents[3] / "catalog" / "demo" / "photos"


@pytest.fixture(scope="module")
def few() -> list[bytes]:
    return read_photos(PHOTOS)[:3]


def test_photos_have_the_side_of_the_published_figures(few: list[bytes]) -> None:
    assert {max(Image.open(BytesIO(photo)).size) for photo in few} == {PHOTO_SIDE}


def test_a_unique_photo_has_other_bytes_and_the_same_pixels(few: list[bytes]) -> None:
    first, second = make_unique(few[0]), make_unique(few[0])

    assert len({few[0], first, second}) == 3
    pictures = [np.asarray(decode_image(photo)) for photo in (few[0], first, second)]
    assert (pictures[0] == pictures[1]).all()
    assert (pictures[0] == pictures[2]).all()


@pytest.mark.parametrize(("share", "expected"), [(1.0, None), (0.1, "100"), (0.001, "1")])
def test_a_price_filter_passes_the_given_share(share: float, expected: str | None) -> None:
    filters = make_price_filter(share)

    assert (filters == Filters()) is (expected is None)
    assert expected is None or filters == Filters(price_max=Decimal(expected))


@pytest.mark.django_db
@pytest.mark.usefixtures("demo_index")
def test_every_search_is_measured_by_stage(few: list[bytes]) -> None:
    boxed = SearchRequest(box=(0.1, 0.1, 0.8, 0.8))
    floor, alone = measure_with_floor(few, searches=5, request=boxed)

    for load in (alone, measure_load(few, clients=2, searches=5, request=SearchRequest())):
        assert set(load.stages_ms) == set(STAGES)
        assert {len(spans) for spans in load.stages_ms.values()} == {5}
        assert (load.stages_ms["total"] >= load.stages_ms["embed"]).all()
        assert load.per_second > 0
    parts = [floor.stages_ms[stage] for stage in ("decode", "embed", "retrieve")]
    assert floor.stages_ms["total"] == pytest.approx(sum(parts))


@pytest.mark.django_db
@pytest.mark.usefixtures("demo_index")
def test_recall_on_the_demo_is_close_to_exact_search(few: list[bytes]) -> None:
    recall, span = measure_recall(encode_queries(few, live_index()), make_price_filter(0.1))

    assert recall >= 0.98
    assert span > 0


@pytest.mark.django_db
@pytest.mark.usefixtures("demo_index")
@pytest.mark.parametrize("box", [None, (0.1, 0.1, 0.8, 0.8)])
def test_a_search_takes_less_than_three_times_its_floor(box: Any, few: list[bytes]) -> None:
    request = SearchRequest(box=box)
    measure_load(few, 1, 3, request)  # warms up

    floor, alone = measure_with_floor(few, 15, request)

    # The ratios are about 1.4 and 1.5 on an idle machine.
    assert alone.percentile("total", 50) / floor.percentile("total", 50) < 3
