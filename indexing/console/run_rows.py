"""The unfinished runs as pages show them while they move."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.urls import reverse

from catalog.console.rights import may
from catalog.console.translated_names import name_starter
from indexing.console.run_steps import STEPS
from indexing.ledger.run_rights import right_for
from indexing.ledger.runs import unfinished_runs
from indexing.models import Chunk, IndexingRun
from indexing.monitoring.durations import describe_duration
from indexing.monitoring.freshness import run_progress
from indexing.monitoring.run_names import name_kind, name_stage, name_state


@dataclass(frozen=True)
class RunRow:
    """A run with its progress, and its kind, starter, state and stage in words. `rate`: images or
    products a second; `left`: a duration, or "" if it is not known; `problems`: the chunks that
    failed and are tried again; `steps`: label and address of what the user may do with it."""

    run: IndexingRun
    kind: str
    starter: str
    state: str
    stage: str
    done: int
    total: int
    percent: int
    rate: float | None
    left: str
    problems: int
    steps: list[tuple[Any, str]]


def describe_runs(user: Any) -> list[RunRow]:
    """Returns the unfinished runs, of which there is at most one of each kind."""
    rows = []
    for run in unfinished_runs():
        figures = run_progress(run)
        done, total, eta = figures["done"], figures["total"], figures["eta_s"]
        allowed = may(user, right_for(run.kind))
        rows.append(
            RunRow(
                run=run,
                kind=name_kind(run.kind),
                starter=name_starter(run.started_by),
                state=name_state(run.state),
                stage=name_stage(run.stage),
                done=done,
                total=total,
                percent=round(100 * done / total) if total else 0,
                rate=round((total - done) / eta, 1) if eta else None,
                left=describe_duration(timedelta(seconds=eta)) if eta else "",
                problems=Chunk.objects.filter(run=run, errors__gt=0)[:1000].count(),
                steps=[
                    (step.label, reverse("admin:run_step", args=[run.pk, name]))
                    for name, step in STEPS.items()
                    if allowed and run.state in step.from_states
                ],
            )
        )
    return rows
