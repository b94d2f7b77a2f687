"""What a catalogue of another size would measure on the same machine, from a calibration."""

from dataclasses import dataclass

import numpy as np

from indexing.monitoring.capacity.calibration import PER_IMAGE, Calibration, Measurement
from indexing.monitoring.capacity.growth import along_line, along_logarithm, along_power


@dataclass(frozen=True)
class Prediction:
    """`table_bytes` by table, `stages_s` by stage of a rebuild, and the milliseconds of searches:
    `retrieve_ms` as a sample, `other_ms` (median) of everything else."""

    table_bytes: dict[str, float]
    stages_s: dict[str, float]
    retrieve_ms: np.ndarray
    other_ms: float

    @property
    def build_s(self) -> float:
        return sum(self.stages_s.values())

    @property
    def search_bytes(self) -> float:
        return sum(self.table_bytes.values())

    @property
    def total_ms(self) -> float:
        """The median of a search."""
        return float(np.median(self.retrieve_ms)) + self.other_ms


def predict(calibration: Calibration, products: float, images: float) -> Prediction:
    """Predicts the measurements of a catalogue."""
    small, large = calibration.small, calibration.large
    table_bytes = {}
    for name, measured in large.table_bytes.items():
        by_image = name in PER_IMAGE
        sizes = (small.images, large.images) if by_image else (small.products, large.products)
        points = (sizes[0], small.table_bytes[name]), (sizes[1], measured)
        table_bytes[name] = along_line(*points, images if by_image else products)
    stages_s = {
        name: along_power((small.images, small.stages_s[name]), (large.images, seconds), images)
        for name, seconds in large.stages_s.items()
    }
    medians = [(each.images, median(each.retrieve_ms)) for each in (small, large)]
    expected_ms = along_logarithm(medians[0], medians[1], images)
    return Prediction(
        table_bytes=table_bytes,
        stages_s=stages_s,
        retrieve_ms=np.array(large.retrieve_ms) * expected_ms / medians[1][1],
        other_ms=median_other_ms(large),
    )


def median(values: list[float]) -> float:
    return float(np.median(values))


def median_other_ms(measured: Measurement) -> float:
    """Returns the median milliseconds of a search outside the database."""
    return float(np.median(np.array(measured.total_ms) - np.array(measured.retrieve_ms)))
