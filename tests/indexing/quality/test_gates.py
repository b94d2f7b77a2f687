"""A generation goes live when it is measured and good enough, or when an operator says so."""

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
from tests.indexing.histogram_encoder import HistogramEncoder
from tests.indexing.shop import (
    add_product,
    add_products,
    images_now,
    label_photos,
    photo,
    rebuild,
    skus,
    vectors_of,
)

pytestmark = pytest.mark.usefixtures("empty_shop")


@pytest.fixture
def labelled_photos(empty_shop: None, tmp_path: Path, settings: Any) -> None:
    """A photo of each of thirty products, in what generations are measured on."""
    add_products(range(30))
    settings.LABELLED_PHOTOS = label_photos(tmp_path, range(30))


def index(*arguments: str) -> str:
    """What `manage.py index …` prints."""
    output = StringIO()
    call_command("index", *arguments, stdout=output, verbosity=0)
    return output.getvalue()


@pytest.mark.usefixtures("labelled_photos")
def test_the_photos_of_each_generation_are_counted() -> None:
    rebuild()

    figures = IndexEvaluation.objects.get().figures
    assert (figures["photos"], figures["photo_recall_at_5"]) == (30, 1.0)
    # What the projection loses, and what scoring again by the full vectors could win back at most.
    assert 0.5 <= figures["photo_recall_at_5_small"] <= 1.0
    assert figures["photo_recall_at_5_exact"] == 1.0


@pytest.mark.usefixtures("labelled_photos")
def test_a_generation_that_answers_photos_worse_than_the_live_one_is_rejected(
    encoders: dict[str, HistogramEncoder], monkeypatch: pytest.MonkeyPatch
) -> None:
    rebuild()
    live = live_generation()
    # Given another encoder, which sees nothing in photos that people send.
    blind = lambda images: np.full((len(images), 512), 512**-0.5, np.float32)  # noqa: E731
    monkeypatch.setattr(encoders["other"], "encode_images", blind)

    with pytest.raises(CommandError, match="recall@5 on labelled photos"):
        index("rebuild", "--encoder", "other")

    rejected = Generation.objects.get(encoder__name="other")
    assert rejected.state == "rejected"
    assert rejected.evaluations.get().figures["photo_recall_at_5"] < 0.5
    assert live_generation() == live
    assert skus(photo(4))[0] == "00004"

    # An operator who knows better has the last word.
    assert index("publish", str(rejected.pk)) == f"Generation {rejected.pk} is live.\n"
    assert live_generation() == rejected


@pytest.mark.usefixtures("labelled_photos")
def test_another_encoder_as_good_as_the_first_may_go_live() -> None:
    rebuild()

    index("rebuild", "--encoder", "other")

    live = live_generation()
    assert live is not None
    assert live.encoder.name == "other"
    assert live.evaluations.get().passed


def test_a_generation_built_ahead_is_published_by_its_number_and_catches_up() -> None:
    add_products(range(10))
    index("rebuild")
    first = live_generation()
    index("rebuild", "--no-publish")
    built = Generation.objects.get(state="built")
    assert live_generation() == first
    late = add_product("late", photo(99))

    index("publish", str(built.pk))

    # Then the product that came in between waits for the next refresh, and the status says so,
    assert ProductChange.objects.get().product_id == late.pk
    assert json.loads(index("status", "--json"))["products"]["pending"] == 1
    # which brings it in.
    index("refresh")
    assert vectors_of(built) == images_now()
    assert skus(photo(99))[0] == "late"

    assert index("rollback") == f"Generation {first.pk if first else 0} is live.\n"
    # The generation gone back to has missed that product in turn.
    assert ProductChange.objects.get().product_id == late.pk


def test_what_cannot_be_published_is_told_in_a_sentence() -> None:
    with pytest.raises(CommandError, match="no generation 123456"):
        index("publish", "123456")
    with pytest.raises(CommandError, match="no earlier generation"):
        index("rollback")
