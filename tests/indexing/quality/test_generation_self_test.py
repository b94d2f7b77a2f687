"""Every rebuild is tested by the photos of its own catalogue, without labels."""

import json
from io import BytesIO, StringIO
from typing import Any

import numpy as np
import pytest
from django.core.management import CommandError, call_command
from PIL import Image

from catalog.index.live_index import live_generation, open_space
from catalog.models import Generation, ProductImage
from indexing.embedding.views import VIEWS
from indexing.generations.encoder_registry import register_encoder
from indexing.models import IndexEvaluation
from indexing.monitoring.metrics import metrics_text
from indexing.quality.encoder_comparison import compare_encoders
from indexing.quality.gates import failed_generation_gates, find_losses
from tests.indexing.histogram_encoder import HistogramEncoder
from tests.indexing.shop import add_product, add_products, rebuild

pytestmark = pytest.mark.usefixtures("empty_shop")

PRODUCTS = 104


class DimEncoder(HistogramEncoder):
    """Sees the upper half of a photo, in eight colours, so it confuses many things."""

    def encode_pixels(self, pixels: np.ndarray) -> np.ndarray:
        return super().encode_pixels((pixels[:, :16] // 128) * 128)


def take_photo(thing: int, view: int) -> bytes:
    """Returns a photo of sixteen random colours, of which the views of a thing share twelve."""
    colours = np.random.default_rng(thing).integers(0, 256, (4, 4, 3), np.uint8)
    colours[0] = np.random.default_rng([thing, view]).integers(0, 256, (4, 3), np.uint8)
    file = BytesIO()
    Image.fromarray(colours.repeat(16, axis=0).repeat(16, axis=1)).save(file, "PNG")
    return file.getvalue()


@pytest.fixture
def shop(empty_shop: None) -> None:
    """Products with two photos each."""
    for thing in range(PRODUCTS):
        add_product(f"{thing:05}", take_photo(thing, 0), take_photo(thing, 1))


def index(*arguments: str) -> str:
    """Runs `manage.py index …` and returns its output."""
    output = StringIO()
    call_command("index", *arguments, stdout=output, verbosity=0)
    return output.getvalue()


@pytest.mark.usefixtures("shop")
def test_a_rebuild_is_tested_by_photos_held_out() -> None:
    rebuild()

    test = IndexEvaluation.objects.get().figures["self_test"]
    assert (test["kind"], test["queries"]) == ("views", PRODUCTS)
    assert 0.9 < test["recall_at_1"] <= test["recall_at_5"] <= 1
    # It is shown wherever the generation is.
    assert json.loads(index("status", "--json"))["generation"]["self_test"] == test
    recall = f"recall@1 {test['recall_at_1']:.3f}, recall@5 {test['recall_at_5']:.3f}"
    assert f"Self-test: {recall} for {PRODUCTS} photos held out\n" in index("status")
    metric = f'vitrina_index_self_test_recall{{at="5",kind="views"}} {test["recall_at_5"]}'
    assert metric in metrics_text().decode()
    assert register_encoder("histogram").quality["self_test"] == test


@pytest.mark.long
@pytest.mark.usefixtures("shop")
def test_a_generation_that_fails_the_self_test_is_rejected(
    encoders: dict[str, HistogramEncoder],
) -> None:
    rebuild()
    live = live_generation()
    encoders["dim"] = DimEncoder("dim")

    with pytest.raises(CommandError, match="recall@5 in the self-test"):
        index("rebuild", "--encoder", "dim")

    rejected = Generation.objects.get(encoder__name="dim")
    assert rejected.state == "rejected"
    assert live_generation() == live
    figures = rejected.evaluations.get().figures
    own, of_live = (figures["compared_self_tests"][name] for name in ("new", "live"))
    assert own == figures["self_test"]
    assert own["queries"] == of_live["queries"] == PRODUCTS
    assert own["recall_at_5"] < of_live["recall_at_5"] - 0.05

    # By hand, and then the encoder that is better goes live again.
    index("publish", str(rejected.pk))
    index("rebuild", "--encoder", "histogram")
    assert live_generation() == Generation.objects.latest("pk")


@pytest.mark.usefixtures("shop")
@pytest.mark.long
def test_both_generations_are_measured_on_the_present_catalogue() -> None:
    rebuild()
    # Given products that were deleted, hidden and added since.
    first = ProductImage.objects.order_by("product_id").first()
    first.product.delete()
    second = ProductImage.objects.order_by("product_id").first().product
    second.is_visible = False
    second.save()
    add_product("late", take_photo(999, 0), take_photo(999, 1))

    rebuild()

    figures = live_generation().evaluations.get().figures
    assert figures["self_test"]["queries"] == PRODUCTS - 1
    both = figures["compared_self_tests"]
    assert both["new"]["queries"] == both["live"]["queries"] == PRODUCTS - 2


@pytest.mark.usefixtures("shop")
@pytest.mark.long
def test_a_larger_catalogue_is_no_worse_generation() -> None:
    rebuild()
    before = live_generation().evaluations.get().figures["self_test"]
    # Given an import of many products that look like the others.
    for thing in range(40):
        for view in range(2, 9):
            add_product(f"{thing:05}-{view}", take_photo(thing, view))

    run = rebuild()

    assert run.generation == live_generation()
    figures = live_generation().evaluations.get().figures
    assert figures["self_test"]["recall_at_5"] < before["recall_at_5"] - 0.05
    both = figures["compared_self_tests"]
    assert both["new"]["recall_at_5"] == pytest.approx(both["live"]["recall_at_5"], abs=0.02)


@pytest.mark.long
def test_photos_are_composed_for_products_with_one_photo(settings: Any) -> None:
    settings.COMPOSED_PHOTOS = 200
    for thing in range(PRODUCTS):
        add_product(f"{thing:05}", take_photo(thing, 0))

    rebuild()

    test = IndexEvaluation.objects.get().figures["self_test"]
    assert (test["kind"], test["queries"]) == ("composed", PRODUCTS)
    assert 0.05 < test["recall_at_5"] < 1
    assert f"for {PRODUCTS} composed photos, which say less than real ones" in index("status")
    assert 'kind="composed"' in metrics_text().decode()
    # The same photos are composed for the live generation.
    rebuild()
    figures = live_generation().evaluations.get().figures
    both = figures["compared_self_tests"]
    assert both["new"] == both["live"] == test


def test_a_small_catalogue_is_not_tested() -> None:
    add_products(range(30), photos_each=2)

    rebuild()

    test = IndexEvaluation.objects.get().figures["self_test"]
    assert (test["kind"], test["queries"], test["recall_at_5"]) == ("skipped", 30, None)
    assert "Self-test: skipped: only 30 products can be used, 100 are needed\n" in index("status")
    assert "self_test_recall{" not in metrics_text().decode()
    # A generation from before there was a self-test has no figures.
    IndexEvaluation.objects.update(figures={})
    assert "Self-test: not measured; the next rebuild measures it\n" in index("status")


def test_the_self_test_may_fall_a_little(settings: Any) -> None:
    settings.GATE_PHOTO_RECALL_DROP = 0.05
    figures = {
        "recall_at_20": 1.0,
        "compared_self_tests": {
            "new": {"kind": "views", "queries": 200, "recall_at_5": 0.75},
            "live": {"kind": "views", "queries": 200, "recall_at_5": 0.80},
            "difference": [-0.05, -0.10, 0.0],
        },
    }
    assert failed_generation_gates(figures, {}) == find_losses(figures, {}) == []
    figures["compared_self_tests"]["difference"] = [-0.05, -0.09, -0.01]
    assert failed_generation_gates(figures, {}) == []
    assert find_losses(figures, {}) == [
        "recall@5 in the self-test is 0.750 for 200 photos; the live generation has 0.800 for the"
        " same photos"
    ]
    figures["compared_self_tests"]["new"]["recall_at_5"] = 0.745
    assert failed_generation_gates(figures, {}) == [
        "recall@5 in the self-test is 0.745 for 200 photos; the live generation has 0.800 for the"
        " same photos"
    ]


@pytest.mark.usefixtures("shop")
@pytest.mark.long
def test_encoders_are_compared_without_a_generation(encoders: dict[str, HistogramEncoder]) -> None:
    rebuild()
    space = open_space(live_generation())
    encoders["dim"] = DimEncoder("dim")
    dim, other = register_encoder("dim"), register_encoder("other")

    worse = compare_encoders(space, dim, lambda: None)
    equal = compare_encoders(space, other, lambda: None)

    assert worse.current.queries == worse.new.queries == PRODUCTS
    assert worse.new.recall_at_5 < worse.current.recall_at_5
    assert worse.at_5.value == pytest.approx(
        worse.new.recall_at_5 - worse.current.recall_at_5, abs=2e-4
    )
    assert worse.at_5.low <= worse.at_5.value <= worse.at_5.high < 0
    # `other` has the vectors of `histogram`, rotated.
    assert (equal.at_1.value, equal.current) == (0, equal.new)
    # Only some products, which training has not seen.
    some = {image.product_id for image in ProductImage.objects.order_by("pk")[:40]}
    assert compare_encoders(space, other, lambda: None, some).new.queries == 20
    assert encoders["other"].encoded == 2 * PRODUCTS * VIEWS  # each photo once
    assert compare_encoders(space, other, lambda: None, set()) is None
