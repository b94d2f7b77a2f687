"""A generation goes live if it passes its gates, or if an operator publishes it."""

import json
from io import StringIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from django.core.management import CommandError, call_command

from catalog.index.live_index import live_generation
from catalog.models import Generation, ProductChange
from indexing.models import IndexEvaluation
from indexing.quality.gates import failed_generation_gates, recall_of_distances
from tests.indexing.histogram_encoder import BlindEncoder, HistogramEncoder
from tests.indexing.shop import (
    add_product,
    add_products,
    current_images,
    found_skus,
    label_photos,
    photo,
    rebuild,
    vectors_of,
)

pytestmark = pytest.mark.usefixtures("empty_shop")


@pytest.fixture
def labelled_photos(empty_shop: None, tmp_path: Path, settings: Any) -> None:
    """Thirty products, and a labelled photo of each."""
    add_products(range(30))
    settings.LABELLED_PHOTOS = label_photos(tmp_path, range(30))


def index(*arguments: str) -> str:
    """Runs `manage.py index …` and returns its output."""
    output = StringIO()
    call_command("index", *arguments, stdout=output, verbosity=0)
    return output.getvalue()


@pytest.mark.usefixtures("labelled_photos")
def test_the_recall_on_labelled_photos_is_stored() -> None:
    rebuild()

    figures = IndexEvaluation.objects.get().figures
    assert (figures["photos"], figures["photo_recall_at_5"]) == (30, 1.0)
    assert figures["photo_recall_at_5_small"] == 1.0
    assert figures["photo_recall_at_5_exact"] == 1.0


@pytest.mark.usefixtures("labelled_photos")
def test_a_generation_with_lower_recall_than_the_live_one_is_rejected(
    encoders: dict[str, HistogramEncoder],
) -> None:
    rebuild()
    live = live_generation()
    # Given an encoder that gives all query photos the same vector.
    encoders["other"] = BlindEncoder("other")

    with pytest.raises(CommandError, match="recall@5 on labelled photos"):
        index("rebuild", "--encoder", "other")

    rejected = Generation.objects.get(encoder__name="other")
    assert rejected.state == "rejected"
    assert rejected.evaluations.get().figures["photo_recall_at_5"] == pytest.approx(5 / 30)
    assert live_generation() == live
    assert found_skus(photo(4))[0] == "00004"

    # An operator may publish it all the same.
    assert index("publish", str(rejected.pk)) == f"Generation {rejected.pk} is live.\n"
    assert live_generation() == rejected


@pytest.mark.usefixtures("labelled_photos")
def test_a_generation_of_another_encoder_with_equal_recall_goes_live() -> None:
    rebuild()

    index("rebuild", "--encoder", "other")

    live = live_generation()
    assert live is not None
    assert live.encoder.name == "other"
    assert live.evaluations.get().passed


def test_a_built_generation_is_published_by_its_id_and_catches_up() -> None:
    add_products(range(10))
    index("rebuild")
    first = live_generation()
    index("rebuild", "--no-publish")
    built = Generation.objects.get(state="built")
    assert live_generation() == first
    late = add_product("late", photo(99))

    index("publish", str(built.pk))

    # The product added in between waits for the next refresh, and the status says so.
    assert ProductChange.objects.get().product_id == late.pk
    assert json.loads(index("status", "--json"))["products"]["pending"] == 1
    index("refresh")
    assert vectors_of(built) == current_images()
    assert found_skus(photo(99))[0] == "late"

    assert index("rollback") == f"Generation {first.pk if first else 0} is live.\n"
    # The first generation never had that product.
    assert ProductChange.objects.get().product_id == late.pk


def test_the_command_explains_why_it_cannot_publish() -> None:
    with pytest.raises(CommandError, match="no generation 123456"):
        index("publish", "123456")
    with pytest.raises(CommandError, match="no earlier generation"):
        index("rollback")


def test_a_generation_that_fails_its_gate_is_rejected_with_its_figures(settings: Any) -> None:
    add_products(range(30))
    first = rebuild().generation
    settings.GATE_RECALL_AT_20 = 1.1  # no graph passes

    second = rebuild().generation

    assert second is not None
    second.refresh_from_db()
    assert (second.state, second.recall_at_20) == ("rejected", 1.0)
    assert second.note == "recall@20 of the graph is 1.000, below 1.1"
    assert not IndexEvaluation.objects.get(generation=second).passed
    assert live_generation() == first


def test_gates_compare_with_the_live_generation(settings: Any) -> None:
    settings.GATE_RECALL_AT_20, settings.GATE_PHOTO_RECALL_DROP = 0.95, 0.05

    assert failed_generation_gates({"recall_at_20": 0.95}, {}) == []
    assert failed_generation_gates({"recall_at_20": 0.94}, {}) == [
        "recall@20 of the graph is 0.940, below 0.95"
    ]
    live = {"photo_recall_at_5": 0.80}
    assert failed_generation_gates({"recall_at_20": 1.0, "photo_recall_at_5": 0.75}, live) == []
    assert failed_generation_gates({"recall_at_20": 1.0, "photo_recall_at_5": 0.74}, live) == [
        "recall@5 on labelled photos is 0.740; the live generation has 0.800"
    ]


def test_recall_counts_ties_as_found() -> None:
    exact = np.array([-0.9, -0.8, -0.7, -0.6])
    assert recall_of_distances(exact, np.array([-0.9, -0.8, -0.7, -0.6])) == 1.0
    assert recall_of_distances(exact, np.array([-0.9, -0.7, -0.6, -0.5])) == 0.75
    assert recall_of_distances(exact, np.array([-0.9, -0.8, -0.6, -0.6])) == 1.0
    assert recall_of_distances(np.array([]), np.array([])) == 1.0
