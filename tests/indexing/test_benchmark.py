"""What `bench_indexing` says of its figures."""

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from indexing import benchmark
from indexing.benchmark import PipelineFigures, StageUsage, database_seconds

FIGURES = PipelineFigures(
    images=1000,
    pipeline=150.0,
    forward=200.0,
    forward_batches=180.0,
    cpu_ms=7.0,
    database_ms=0.1,
    peak_mb=400.0,
    stages_s={},
)


def test_the_ratio_is_to_the_encoder_at_its_best() -> None:
    assert FIGURES.ratio == pytest.approx(0.75)
    assert replace(FIGURES, forward_batches=300.0).ratio == pytest.approx(0.5)


@pytest.mark.parametrize("backend", [0.5, None])
def test_a_stage_took_what_was_used_between_its_first_and_its_last_report(
    backend: float | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    used: dict[str, Any] = {"process": 10.0}
    monkeypatch.setattr(benchmark.time, "process_time", lambda: used["process"])
    monkeypatch.setattr(
        benchmark, "database_seconds", lambda: backend and backend * used["process"]
    )
    usage = StageUsage()

    for stage, process in [("embed", 10.0), ("embed", 12.0), ("embed", 15.0), ("project", 19.0)]:
        used["process"] = process
        usage.note(SimpleNamespace(stage=stage))  # type: ignore[arg-type]

    assert usage.of("embed") == (5.0, backend and 2.5)
    assert usage.of("project")[0] == 0.0


@pytest.mark.django_db
def test_the_backend_of_this_connection_has_worked() -> None:
    seconds = database_seconds()

    assert seconds is None or seconds >= 0
