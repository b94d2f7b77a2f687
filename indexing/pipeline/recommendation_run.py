"""Training of recommendations: learns factors from the history of shoppers, measures them on the
last days, and publishes them if they pass their gates."""

from collections.abc import Iterator
from datetime import datetime

from django.db import transaction
from django.utils import timezone

from catalog.index.factor_store import build_factor_graph, drop_factors, live_factors
from catalog.index.live_index import live_generation
from catalog.models import FactorModel
from indexing.generations.publishing import PublishingError
from indexing.ledger import runs
from indexing.ledger.chunk_leases import hold_chunk
from indexing.ledger.chunking import Check, Payload, StageFailed, single_chunk
from indexing.models import Chunk, IndexingRun
from indexing.recommendations.factor_evaluation import failed_gates
from indexing.recommendations.factor_publishing import drop_old_factors, publish_factors
from indexing.recommendations.graph_recall import measure_graph
from indexing.recommendations.learning_factors import (
    TooFewEvents,
    add_missing_factors,
    follow_encoder,
    measure_history,
    read_recent_history,
    write_factors,
)


def start_recommendations(publish: bool = True) -> IndexingRun:
    """Starts the training of recommendations, or returns the unfinished one."""
    return runs.start_run(IndexingRun.Kind.RECOMMENDATIONS, publish=publish)


def plan_learning(run: IndexingRun) -> Iterator[tuple[Payload, int]]:
    """Plans one chunk. An interrupted one begins anew, with the events until the same moment."""
    yield {"until": timezone.now().isoformat()}, 1


def perform_learning(chunk: Chunk, check: Check) -> None:
    """Measures, trains and writes a model. Each attempt has a model of its own, so a worker that
    has lost its lease writes into no table that another one uses."""
    try:
        history = read_recent_history(datetime.fromisoformat(chunk.payload["until"]))
    except TooFewEvents as error:
        raise StageFailed(str(error)) from error
    live = live_generation()
    model = FactorModel.objects.create(
        dimensions=0, alpha=0, regularization=0, encoder=live.encoder if live else None
    )
    figures, chosen = measure_history(history, model.encoder, check)
    _, others = write_factors(model, history, chosen, check)
    model.figures = {**figures, "other_products": others}
    model.save(update_fields=["figures"])
    with transaction.atomic():
        if hold_chunk(chunk):
            IndexingRun.objects.filter(pk=chunk.run_id).update(result={"model": model.pk})
        else:
            drop_factors(model)
            model.delete()


def plan_single(run: IndexingRun) -> Iterator[tuple[Payload, int]]:
    """Plans one chunk."""
    return single_chunk()


def perform_graph(chunk: Chunk, check: Check) -> None:
    """Builds the graph of the model, and measures what it finds."""
    model = _model_of(chunk.run)
    build_factor_graph(model)
    figures = {**model.figures, "graph_recall": measure_graph(model, check)}
    FactorModel.objects.filter(pk=model.pk, state=FactorModel.State.BUILDING).update(
        state=FactorModel.State.BUILT, figures=figures
    )


def perform_publish(chunk: Chunk, check: Check) -> None:
    """Publishes the model if it passes its gates, and drops models that are no longer needed. A
    late worker undoes no switch."""
    model = _model_of(chunk.run)
    if reasons := failed_gates(model.figures):
        FactorModel.objects.filter(pk=model.pk, state=FactorModel.State.BUILT).update(
            state=FactorModel.State.REJECTED, note="; ".join(reasons)
        )
        return
    if not chunk.run.publish:
        return
    try:
        with transaction.atomic():
            if hold_chunk(chunk):
                publish_factors(model)
    except PublishingError as error:
        raise StageFailed(str(error)) from error
    drop_old_factors()


def plan_missing(run: IndexingRun) -> Iterator[tuple[Payload, int]]:
    """Plans one chunk if a model is live: after the catalogue was indexed, it has new products."""
    if live_factors() is not None:
        yield from single_chunk()


def perform_missing(chunk: Chunk, check: Check) -> None:
    """Gives the live model factors of the products that are new since it was trained."""
    model, generation = live_factors(), live_generation()
    if model is None or generation is None:
        return
    if model.encoder_id != generation.encoder_id:
        follow_encoder(model, generation.encoder, check)
    add_missing_factors(model, check)


def _model_of(run: IndexingRun) -> FactorModel:
    return FactorModel.objects.get(pk=run.result["model"])
