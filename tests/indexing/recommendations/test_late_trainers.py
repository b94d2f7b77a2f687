"""A worker that wakes after others have done its chunk of a training changes nothing."""

import pytest

from catalog.index.factor_store import live_factors
from catalog.models import FactorModel
from indexing.models import Chunk, IndexingRun
from indexing.pipeline import recommendation_run
from indexing.pipeline.stages import STAGES
from indexing.recommendations.factor_publishing import roll_back_factors
from tests.indexing.recommendations.conftest import train

pytestmark = pytest.mark.django_db


def check() -> None:
    """Never raises, as for a worker that learns too late that it has lost its lease."""


def chunk_of(run: IndexingRun, stage: str) -> Chunk:
    return run.chunks.get(stage=stage)


@pytest.mark.parametrize("stage", ["learn", "graph", "publish"])
def test_a_stage_performed_again_after_the_run_changes_nothing(shop: None, stage: str) -> None:
    run, model = train()
    before = list(FactorModel.objects.values()), run.result

    STAGES[IndexingRun.Kind.RECOMMENDATIONS].by_name(stage).perform(chunk_of(run, stage), check)

    run.refresh_from_db()
    assert (list(FactorModel.objects.values()), run.result) == before
    assert live_factors() == model


def test_a_late_publisher_does_not_undo_a_roll_back(shop: None) -> None:
    _, first = train()
    run, _ = train()
    roll_back_factors()

    recommendation_run.perform_publish(chunk_of(run, "publish"), check)

    assert live_factors() == first
