"""A shop with a live index and the history of its shoppers."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.utils import timezone

from catalog.models import Event, FactorModel, Product
from indexing.models import IndexingRun
from indexing.pipeline.recommendation_run import start_recommendations
from indexing.pipeline.worker import work_on
from indexing.recommendations.synthetic_history import make_history
from tests.indexing.conftest import lasting_shop, use_fast_encoders

PRODUCTS, SHOPPERS, DAYS = 150, 250, 60


@pytest.fixture(scope="module")
def media(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("media")


@pytest.fixture
def fast_encoders(shop: None, media: Path, settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """For tests that index the shop again."""
    settings.MEDIA_ROOT, settings.ENCODER, settings.LABELLED_PHOTOS = media, "histogram", ""
    settings.COMPOSED_PHOTOS, settings.SEARCH_CANDIDATES = 0, 50
    use_fast_encoders(monkeypatch)


@pytest.fixture(scope="module")
def shop(django_db_setup: None, django_db_blocker: Any, media: Path) -> Iterator[None]:
    """A shop with a live index, and the made-up history of its shoppers. Ten products have none."""
    with django_db_blocker.unblock(), lasting_shop(media, PRODUCTS):
        Event.objects.all().delete()
        opened = sorted(Product.objects.values_list("pk", flat=True))[:-10]
        Event.objects.insert_once(
            [
                Event(at=e.at, type=e.type, product_id=e.product_id, user=e.user)
                for e in make_history(opened, SHOPPERS, DAYS, timezone.now())
            ]
        )
        yield


def train(publish: bool = True) -> tuple[IndexingRun, FactorModel]:
    run = work_on(start_recommendations(publish))
    assert run.state == "succeeded", run.error
    return run, FactorModel.objects.get(pk=run.result["model"])
