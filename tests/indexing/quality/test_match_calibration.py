"""Indexes are calibrated: on labelled photos, on views of the catalogue, or not at all."""

from dataclasses import replace
from io import BytesIO, StringIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from django.core.management import call_command
from PIL import Image

from catalog.index.live_index import live_generation
from catalog.index.match import MIN_PRODUCTS, Calibration
from catalog.models import Adapter
from catalog.quality.self_test import MIN_QUERIES
from indexing.generations import publishing
from indexing.generations.adoption import adopt_encoder, fit_adapter_to_live
from indexing.generations.encoder_registry import register_encoder
from indexing.quality.match_calibration import describe_calibration
from tests.indexing.shop import (
    add_product,
    add_products,
    label_photos,
    photo,
    rebuild,
    refresh,
    search_by_photo,
)


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        (Calibration(), "not calibrated, so no result is called exact: the index has too few"),
        (
            Calibration(0.3, nothing_photos=20, nothing_weak=0.95),
            "fewer than 100 products have several photos; 95% of 20 photos of nothing",
        ),
        (
            Calibration(
                0.3,
                source="views",
                queries=160,
                exact_share=0.0,
                nothing_photos=9,
                nothing_weak=1.0,
            ),
            "no result is called exact: of 160 views held out too few are right",
        ),
        (
            Calibration(
                0.3,
                source="labelled photos",
                queries=60,
                exact_share=0.7,
                exact_right=0.954,
                nothing_photos=50,
                nothing_weak=0.963,
            ),
            "exact for 70% of 60 labelled photos held out, 95% of these right; 96% of 50 photos",
        ),
    ],
)
def test_a_calibration_is_described_to_operators(found: Calibration, expected: str) -> None:
    assert expected in describe_calibration(found)


@pytest.mark.django_db
@pytest.mark.usefixtures("demo_index")
def test_a_generation_is_calibrated_when_it_is_evaluated() -> None:
    generation = live_generation()

    assert generation is not None
    stored = generation.calibration
    assert (stored.source, stored.queries) == ("labelled photos", 60)
    assert stored.exact_right is not None
    assert stored.exact_right >= 0.9
    assert stored.nothing_photos >= 45
    assert stored.nothing_weak is not None
    assert stored.nothing_weak >= 0.9
    assert generation.nothing.shape[1] == generation.encoder.dimensions
    assert np.linalg.norm(generation.nothing, axis=1) == pytest.approx(1, abs=1e-2)
    printed = StringIO()
    call_command("index", "status", stdout=printed)
    assert "of 60 labelled photos held out" in printed.getvalue()


@pytest.mark.long
@pytest.mark.usefixtures("empty_shop")
def test_without_labelled_photos_the_self_test_calibrates() -> None:
    # Given products with two photos each, of nearly the same colours.
    for number in range(MIN_QUERIES):
        add_product(f"{number}", photo(number), with_a_black_corner(photo(number)))
    rebuild()

    found = calibration_of_live()

    assert (found.source, found.queries) == ("views", MIN_QUERIES)
    assert found.is_complete


@pytest.mark.usefixtures("empty_shop")
def test_without_second_photos_exact_is_unknown() -> None:
    add_products(range(MIN_PRODUCTS))
    rebuild()

    found = calibration_of_live()

    assert (found.source, found.queries, found.exact_margin) == ("", 0, None)
    assert found.similar_resemblance is not None
    assert not found.is_complete
    assert "fewer than 100 products have several photos" in describe_calibration(found)


@pytest.mark.usefixtures("empty_shop")
def test_with_too_few_products_nothing_is_known() -> None:
    add_products(range(MIN_PRODUCTS - 1))
    rebuild()

    assert replace(calibration_of_live(), word_cosine=None) == Calibration()


@pytest.mark.usefixtures("empty_shop")
def test_a_refresh_calibrates_an_index_of_an_older_version() -> None:
    add_products(range(MIN_PRODUCTS))
    rebuild()
    new = live_generation()
    assert new is not None
    stored, vectors = new.match, bytes(new.nothing_vectors)
    new.match, new.nothing_vectors = {"exact": 0.2, "something": 0.1, "blank": 0.9}, b""
    new.save(update_fields=["match", "nothing_vectors"])

    # When nothing has calibrated it again yet, then searches are answered, without a claim.
    answer = search_by_photo(photo(0))
    assert not answer.calibrated

    refresh()

    again = live_generation()
    assert again is not None
    assert again.match == stored
    assert bytes(again.nothing_vectors) == vectors


@pytest.mark.usefixtures("empty_shop")
@pytest.mark.long
def test_a_query_encoder_with_an_adapter_has_its_own_calibration(
    settings: Any, tmp_path: Path
) -> None:
    # Given 160 products, and a labelled photo of 40 of them.
    add_products(range(160))
    settings.LABELLED_PHOTOS = label_photos(tmp_path, range(40))
    rebuild()
    own = live_generation()

    adapter = adopt_encoder("bent")

    adapted = live_generation()
    assert own is not None
    assert adapted is not None
    assert own.calibration.queries == adapted.calibration.queries == 40
    assert adapted.calibration == Calibration.from_json(adapter.match) != own.calibration
    assert adapted.nothing.shape == own.nothing.shape
    assert not np.array_equal(adapted.nothing, own.nothing)
    # Without the adapter, the generation has its own calibration again.
    publishing.roll_back()
    assert live_generation() == own
    assert getattr(live_generation(), "calibration", None) == own.calibration


@pytest.mark.usefixtures("empty_shop")
@pytest.mark.long
def test_an_adapter_that_may_not_be_used_is_not_calibrated() -> None:
    add_products(range(160))
    rebuild()

    fit_adapter_to_live(register_encoder("strange"))

    assert Adapter.objects.get().match == {}


def with_a_black_corner(data: bytes) -> bytes:
    image = Image.open(BytesIO(data))
    image.paste("black", (0, 0, 24, 24))
    file = BytesIO()
    image.save(file, "PNG")
    return file.getvalue()


def calibration_of_live() -> Calibration:
    generation = live_generation()
    assert generation is not None
    return generation.calibration
