"""What `bench_indexing` says of its figures."""

from types import SimpleNamespace
from typing import Any

import pytest

from indexing.quality import indexing_benchmark as benchmark
from indexing.quality.indexing_benchmark import StageUsage, database_seconds


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
