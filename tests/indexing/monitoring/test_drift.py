"""Drift of a shop's photos and of shoppers' photos, from the calibration to an alarm."""

import uuid
from datetime import timedelta

import numpy as np
import pytest
from django.utils import timezone

from catalog.index.live_index import live_generation
from catalog.models import Embedding, ProductImage, QuerySample
from indexing.models import DriftMeasurement, DriftReference
from indexing.monitoring.drift.measuring import MIN_VECTORS, drift_now, measure_drift
from indexing.monitoring.health import find_problems
from indexing.monitoring.pulse import read_pulse
from tests.indexing.shop import add_products, photo, rebuild, refresh, replace_photo

pytestmark = pytest.mark.usefixtures("empty_shop")


def a_week_passes() -> None:
    for reference in DriftReference.objects.all():
        reference.taken_at -= timedelta(days=8)
        reference.save()
    for measurement in DriftMeasurement.objects.all():
        measurement.at -= timedelta(days=8)
        measurement.save()
    for sample in QuerySample.objects.order_by("day"):
        QuerySample.objects.filter(pk=sample.pk).update(day=sample.day - timedelta(days=8))


def shoppers_send(vectors: np.ndarray, encoder_id: int) -> None:
    QuerySample.objects.bulk_create(
        QuerySample(
            day=timezone.now().date(),
            slot=slot,
            query_id=uuid.uuid4().hex,
            encoder_id=encoder_id,
            vector=vector,
        )
        for slot, vector in enumerate(vectors)
    )


def problems() -> list[str]:
    return [problem.sentence for problem in find_problems(read_pulse())]


CATALOGUE = "The photos of the catalogue are not what the index was made for."
SHOPPERS = "Shoppers search with other photos than when the match levels were calibrated."


@pytest.mark.long
def test_a_catalogue_that_changes_is_an_alarm_and_a_new_generation_ends_it() -> None:
    products = add_products(range(MIN_VECTORS))
    rebuild()

    assert measure_drift() == []  # the photos to compare with
    assert measure_drift() == []  # not within a week
    a_week_passes()
    (same,) = measure_drift()
    assert same.ratio == pytest.approx(0, abs=0.01)
    assert CATALOGUE not in problems()

    images = ProductImage.objects.filter(product__in=products)
    for n, image in enumerate(images):
        replace_photo(image, photo(f"rgb(255, {n}, 0)"))
    refresh()
    a_week_passes()
    (changed,) = measure_drift()
    assert changed.is_alarm
    assert CATALOGUE in problems()

    rebuild()
    assert measure_drift() == []
    assert drift_now() == []
    assert CATALOGUE not in problems()


@pytest.mark.long
def test_other_photos_of_shoppers_are_an_alarm() -> None:
    add_products(range(2 * MIN_VECTORS))
    rebuild()
    live = live_generation()
    assert live is not None
    vectors = np.stack([np.asarray(row.vector) for row in Embedding.objects.order_by("image_id")])
    first, second = vectors[::2], vectors[1::2]

    shoppers_send(first, live.encoder_id)
    measure_drift()
    a_week_passes()
    shoppers_send(second, live.encoder_id)
    measured = {row.reference.kind: row for row in measure_drift()}
    assert not measured["queries"].is_alarm
    assert SHOPPERS not in problems()

    a_week_passes()
    shoppers_send(np.concatenate([second[:50], np.tile(first[:1], (50, 1))]), live.encoder_id)
    measured = {row.reference.kind: row for row in measure_drift()}
    assert measured["queries"].is_alarm
    assert SHOPPERS in problems()


def test_too_few_photos_say_nothing() -> None:
    add_products(range(MIN_VECTORS - 1))
    rebuild()

    assert measure_drift() == []
    assert not DriftReference.objects.exists()
