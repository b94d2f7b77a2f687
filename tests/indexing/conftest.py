"""Fixtures of the offline side's tests: an empty shop, a fast encoder, and processes to kill."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from django.db import connection, transaction
from django.test import override_settings

from tests.indexing.histogram_encoder import HistogramEncoder, make_encoders
from tests.indexing.monitoring.receiver import Receiver, receiving
from tests.indexing.shop import add_products, rebuild
from tests.support.processes import Processes

TABLES = (
    *("catalog_auditentry", "catalog_querysample"),
    *("indexing_driftmeasurement", "indexing_driftreference"),
    *("indexing_chunk", "indexing_indexingrun", "indexing_imagefailure"),
    *("catalog_addressedimage", "catalog_imageaddress", "catalog_importedrow"),
    *("catalog_refusedline", "catalog_productimport", "catalog_sourceproduct", "catalog_source"),
    *("indexing_indexevaluation", "catalog_producttag", "catalog_productimage", "catalog_product"),
    *("catalog_category", "catalog_tag", "catalog_productchange", "catalog_indexedproduct"),
    *(
        "catalog_publication",
        "catalog_generation",
        "catalog_projection",
        "catalog_embedding",
        "catalog_adapter",
        "catalog_tagcalibration",
    ),
    "catalog_encoderversion",
)


@pytest.fixture
def offline_settings(settings: Any, tmp_path: Path) -> Any:
    """Settings with an empty media folder, the histogram encoder, no labelled photos, and searches
    that are fast because the shops of these tests are small."""
    settings.MEDIA_ROOT = tmp_path / "media"
    settings.ENCODER = "histogram"
    settings.LABELLED_PHOTOS = ""
    settings.QUERY_PHOTO_KEPT_S = 0
    settings.SEARCH_CANDIDATES = 50
    return settings


@pytest.fixture
def encoders(offline_settings: Any, monkeypatch: pytest.MonkeyPatch) -> dict[str, HistogramEncoder]:
    """Fast encoders in place of real ones, each with its own space."""
    return use_fast_encoders(monkeypatch)


def use_fast_encoders(patch: pytest.MonkeyPatch) -> dict[str, HistogramEncoder]:
    made = make_encoders()
    patch.setattr("catalog.index.live_index.load_encoder", lambda name, *options: made[name])
    return made


@pytest.fixture
def encoder(encoders: dict[str, HistogramEncoder]) -> HistogramEncoder:
    """The default encoder of a rebuild."""
    return encoders["histogram"]


@pytest.fixture
def empty_shop(db: None, encoder: HistogramEncoder) -> None:
    """An empty catalogue and an empty index. The test is rolled back."""
    empty_tables()


@contextmanager
def lasting_shop(media: Path, photos: int) -> Iterator[None]:
    """A shop of products with a photo each, and a live index. It lasts as long as the block, for
    the tests of a module: their own changes are rolled back."""
    outside = {"MEDIA_ROOT": media, "ENCODER": "histogram", "LABELLED_PHOTOS": ""}
    at_once = {"COMPOSED_PHOTOS": 0, "CHUNK_LEASE_S": 3600, "SEARCH_CANDIDATES": 50}
    with transaction.atomic():
        with pytest.MonkeyPatch.context() as patch, override_settings(**outside, **at_once):
            use_fast_encoders(patch)
            empty_tables()
            add_products(range(photos))
            rebuild()
        yield
        transaction.set_rollback(True)


@pytest.fixture
def committed_shop(transactional_db: None, encoder: HistogramEncoder) -> Iterator[None]:
    """As `empty_shop`, for tests with several connections. Their writes are committed, and removed
    after the test."""
    empty_tables()
    yield
    drop_vector_tables()


@pytest.fixture
def processes(transactional_db: None, offline_settings: Any, tmp_path: Path) -> Iterator[Processes]:
    """Starts processes of the offline side on the test's database, and ends them with the test."""
    empty_tables()
    started = Processes.on_test_database(tmp_path)
    yield started
    started.end_all()
    drop_vector_tables()


def empty_tables() -> None:
    with connection.cursor() as cursor:
        for table in TABLES:
            cursor.execute(f"DELETE FROM {table}")


def drop_vector_tables() -> None:
    names = connection.introspection.table_names()
    tables = [name for name in names if "_vector_g" in name or name.startswith("catalog_factor_m")]
    with connection.cursor() as cursor:
        for table in tables:
            cursor.execute(f"DROP TABLE {table}")


@pytest.fixture
def receiver(settings: Any) -> Iterator[Receiver]:
    """Another system, which webhooks may tell what happened."""
    with receiving() as made:
        settings.IMPORT_ALLOWED_HOSTS = [f"127.0.0.1:{made.server.server_port}"]
        yield made
