"""Training of recommendations: learns factors from the history of shoppers, measures them on the
last days, and publishes them if they pass their gates."""

from collections.abc import Iterator
from datetime import datetime

from django.utils import timezone

from catalog.index.factor_store import build_factor_graph
from catalog.index.live_index import live_generation
from catalog.models import FactorModel
from indexing.generations.publishing import PublishingError
from indexing.ledger import runs
from indexing.ledger.chunking import Check, Payload, StageFailed, single_chunk
from indexing.models import Chunk, IndexingRun
from indexing.recommendations.factor_evaluation import failed_gates
from indexing.recommendations.factor_publishing import drop_old_factors, publish_factors
from indexing.recommendations.learning_factors import (
    TooFewEvents,
    measure_history,
    read_recent_history,
    write_factors,
)


def start_recommendations(publish: bool = True) -> IndexingRun:
    """Starts the training of recommendations, or returns the unfinished one."""
    return runs.start_run(IndexingRun.Kind.RECOMMENDATIONS, publish=publish)


def plan_learning(run: IndexingRun) -> Iterator[tuple[Payload, int]]:
    """Plans one chunk, and makes the row of the new model. An interrupted chunk begins anew, with
    the events until the same moment."""
    live = live_generation()
    model = FactorModel.objects.create(
        dimensions=0, alpha=0, regularization=0, encoder=live.encoder if live else None
    )
    run.result = {"model": model.pk}
    run.save(update_fields=["result"])
    yield {"until": timezone.now().isoformat()}, 1


def perform_learning(chunk: Chunk, check: Check) -> None:
    """Measures, trains and writes the table of the model."""
    model = _model_of(chunk.run)
    try:
        history = read_recent_history(datetime.fromisoformat(chunk.payload["until"]))
    except TooFewEvents as error:
        raise StageFailed(str(error)) from error
    figures = measure_history(history, model.encoder, check)
    _, others = write_factors(model, history, int(figures["dimensions"]), check)
    model.figures = {**figures, "other_products": others}
    model.save(update_fields=["figures"])


def plan_single(run: IndexingRun) -> Iterator[tuple[Payload, int]]:
    """Plans one chunk."""
    return single_chunk()


def perform_graph(chunk: Chunk, check: Check) -> None:
    """Builds the graph of the model."""
    model = _model_of(chunk.run)
    build_factor_graph(model)
    FactorModel.objects.filter(pk=model.pk, state=FactorModel.State.BUILDING).update(
        state=FactorModel.State.BUILT
    )


def perform_publish(chunk: Chunk, check: Check) -> None:
    """Publishes the model if it passes its gates, and drops models that are no longer needed."""
    model = _model_of(chunk.run)
    if reasons := failed_gates(model.figures):
        FactorModel.objects.filter(pk=model.pk).update(
            state=FactorModel.State.REJECTED, note="; ".join(reasons)
        )
        return
    if not chunk.run.publish:
        return
    try:
        publish_factors(model)
    except PublishingError as error:
        raise StageFailed(str(error)) from error
    drop_old_factors()


def _model_of(run: IndexingRun) -> FactorModel:
    return FactorModel.objects.get(pk=run.result["model"])
