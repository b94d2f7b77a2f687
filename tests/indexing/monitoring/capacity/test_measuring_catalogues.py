"""A plan's figures are measured: bytes of a catalogue ten times as large come out as predicted."""

from collections.abc import Iterator
from typing import Any

import pytest

from indexing.monitoring.capacity.measuring_catalogues import calibrate, measure_catalogue
from indexing.monitoring.capacity.prediction import predict
from indexing.monitoring.capacity.report import compare

PRODUCTS = 10_000


@pytest.fixture
def own_databases(django_db_setup: None, django_db_blocker: Any, settings: Any) -> Iterator[None]:
    """Allows measurements, which use databases of their own."""
    settings.ENCODER = "starter"
    with django_db_blocker.unblock():
        yield


@pytest.mark.long
@pytest.mark.alone
def test_a_small_calibration_predicts_the_bytes_of_a_larger_catalogue(own_databases: None) -> None:
    calibration = calibrate(PRODUCTS, searches=40)

    measured = measure_catalogue(5 * PRODUCTS, searches=40)

    print(compare(calibration, measured))  # the times, too, which other work disturbs
    predicted = predict(calibration, measured.products, measured.images)
    assert predicted.search_bytes == pytest.approx(measured.search_bytes, rel=0.15)
    for name, size in measured.table_bytes.items():
        assert predicted.table_bytes[name] == pytest.approx(size, rel=0.15), name
    assert set(predicted.stages_s) == set(measured.stages_s)
    assert calibration.images_per_s > 0
    assert len(measured.retrieve_ms) == len(measured.total_ms) == 40
