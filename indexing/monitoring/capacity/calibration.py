"""The measurements that plans are made from, and the file that keeps them."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from django.conf import settings

FILE = settings.DATA_DIR / "calibration.json"

PER_PRODUCT = ("products",)
PER_IMAGE = ("photos", "embeddings", "vectors", "graph")


class NotCalibrated(Exception):
    """There are no measurements to plan from. The message says what to do."""


@dataclass(frozen=True)
class Measurement:
    """A catalogue of one size.

    `table_bytes`: tables with their indexes, by the names of PER_PRODUCT and PER_IMAGE. `stages_s`:
    seconds of each stage of a rebuild whose photos have embeddings. `retrieve_ms`, `total_ms`: of
    searches by one client, each search; the first is the part in the vector store and PostgreSQL.
    `searches_per_s`: by sixteen clients. `refresh_s`: seconds of a refresh of `refreshed` products
    with other titles, and thus without the encoder."""

    products: int
    images: int
    table_bytes: dict[str, int]
    stages_s: dict[str, float]
    retrieve_ms: list[float]
    total_ms: list[float]
    searches_per_s: float
    refreshed: int
    refresh_s: float

    @property
    def build_s(self) -> float:
        return sum(self.stages_s.values())

    @property
    def search_bytes(self) -> int:
        """What searches read, and should stay in memory."""
        return sum(self.table_bytes.values())


@dataclass(frozen=True)
class Calibration:
    """Measurements of two sizes of catalogue, the smaller one first, on a machine with `cores`.
    `images_per_s`: photos that an indexing process embeds, with all cores."""

    made_at: str
    cores: int
    encoder: str
    images_per_s: float
    small: Measurement
    large: Measurement

    def save(self, file: Path = FILE) -> None:
        file.parent.mkdir(parents=True, exist_ok=True)
        fresh = file.with_suffix(".new")
        fresh.write_text(json.dumps(asdict(self), indent=1))
        fresh.replace(file)


def read_calibration(file: Path = FILE) -> Calibration:
    """Raises NotCalibrated."""
    try:
        read = json.loads(file.read_text())
        small, large = Measurement(**read.pop("small")), Measurement(**read.pop("large"))
        return Calibration(small=small, large=large, **read)
    except FileNotFoundError:
        raise NotCalibrated(
            "Nothing is measured yet. Run manage.py plan_capacity --calibrate 100000 first."
        ) from None
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise NotCalibrated(f"{file} cannot be read ({error}). Calibrate again.") from error
