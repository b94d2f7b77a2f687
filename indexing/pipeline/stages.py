"""The stages of each kind of run, in order. A stage is planned when the one before is done."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from indexing.ledger.chunking import Check, Payload, StageFailed
from indexing.models import Chunk, IndexingRun
from indexing.pipeline import (
    adoption_run,
    fetch_stage,
    rebuild,
    recommendation_run,
    refresh,
    tag_stages,
    term_stage,
    training_run,
)
from indexing.pipeline.sources import import_run

__all__ = ["STAGES", "Stage", "StageFailed", "Stages"]


@dataclass(frozen=True)
class Stage:
    """A stage of a run.

    `plan(run)` yields the payload and the size of each chunk. It runs in the transaction that
    begins the stage. `perform(chunk, check)` does the work of a chunk. It must be safe
    to run twice. It calls `check` between its steps."""

    name: str
    plan: Callable[[IndexingRun], Iterable[tuple[Payload, int]]]
    perform: Callable[[Chunk, Check], None]


class Stages(tuple[Stage, ...]):
    """The stages of a kind of run, in order."""

    def by_name(self, name: str) -> Stage:
        return next(stage for stage in self if stage.name == name)

    def after(self, name: str) -> Stage | None:
        """Returns the stage that follows `name`: the first for "", None after the last."""
        names = [stage.name for stage in self]
        position = names.index(name) + 1 if name else 0
        return self[position] if position < len(self) else None


TERMS = Stage("terms", term_stage.plan_terms, term_stage.perform_terms)
FETCH = Stage("fetch", fetch_stage.plan_fetch, fetch_stage.perform_fetch)
FACTORS = Stage("factors", recommendation_run.plan_missing, recommendation_run.perform_missing)

STAGES = {
    IndexingRun.Kind.FETCH: Stages([FETCH]),
    IndexingRun.Kind.IMPORT: Stages(
        [Stage("import", import_run.plan_imports, import_run.perform_import)]
    ),
    IndexingRun.Kind.ADOPTION: Stages(
        [Stage("adapt", adoption_run.plan_adoption, adoption_run.perform_adoption)]
    ),
    IndexingRun.Kind.REFRESH: Stages(
        [
            FETCH,
            Stage("refresh", refresh.plan_refresh, refresh.perform_refresh),
            Stage("calibrate_tags", tag_stages.plan_calibrate, tag_stages.perform_calibrate),
            Stage("tag", tag_stages.plan_tag, tag_stages.perform_tag),
            TERMS,
            Stage("repair", refresh.plan_repair, refresh.perform_repair),
            Stage("calibrate", refresh.plan_calibrate, refresh.perform_calibrate),
            FACTORS,
        ]
    ),
    IndexingRun.Kind.REBUILD: Stages(
        [
            Stage("adapt", rebuild.plan_adapt, rebuild.perform_adapt),
            FETCH,
            Stage("embed", rebuild.plan_embed, rebuild.perform_embed),
            Stage("calibrate_tags", tag_stages.plan_calibrate, tag_stages.perform_calibrate),
            Stage("tag", tag_stages.plan_tag, tag_stages.perform_tag),
            TERMS,
            Stage("project", rebuild.plan_project, rebuild.perform_project),
            Stage("vectors", rebuild.plan_vectors, rebuild.perform_vectors),
            Stage("graph", rebuild.plan_graph, rebuild.perform_graph),
            Stage("catch_up", rebuild.plan_catch_up, rebuild.perform_catch_up),
            Stage("evaluate", rebuild.plan_evaluate, rebuild.perform_evaluate),
            Stage("publish", rebuild.plan_publish, rebuild.perform_publish),
            FACTORS,
        ]
    ),
    IndexingRun.Kind.RECOMMENDATIONS: Stages(
        [
            Stage("learn", recommendation_run.plan_learning, recommendation_run.perform_learning),
            Stage("graph", recommendation_run.plan_single, recommendation_run.perform_graph),
            Stage("publish", recommendation_run.plan_single, recommendation_run.perform_publish),
        ]
    ),
    IndexingRun.Kind.TRAINING: Stages(
        [
            Stage("collect", training_run.plan_collect, training_run.perform_collect),
            Stage("train", training_run.plan_train, training_run.perform_train),
            Stage("compare", training_run.plan_single, training_run.perform_compare),
            Stage("hand_over", training_run.plan_single, training_run.perform_hand_over),
        ]
    ),
}
