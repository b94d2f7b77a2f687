"""The CPU time that `bench_indexing` reports."""

from collections.abc import Iterator
from types import SimpleNamespace

import pytest
from django.db import connection

from indexing.quality.indexing_benchmark import StageUsage, database_seconds


@pytest.mark.parametrize("database", [True, False])
def test_the_usage_of_a_stage_lies_between_its_first_and_last_report(database: bool) -> None:
    process, backend = iter([10.0, 12.0, 15.0, 19.0]), iter([5.0, 6.0, 7.5, 9.5])
    none: Iterator[None] = iter([None] * 4)
    usage = StageUsage(process.__next__, (backend if database else none).__next__)

    for stage in ("embed", "embed", "embed", "project"):
        usage.note(SimpleNamespace(stage=stage))  # type: ignore[arg-type]

    assert usage.of("embed") == (5.0, 2.5 if database else None)
    assert usage.of("project") == (0.0, 0.0 if database else None)


@pytest.mark.django_db
def test_the_cpu_time_of_the_backend_grows_with_its_work() -> None:
    before = database_seconds()
    if before is None:
        pytest.skip("PostgreSQL runs on another machine")

    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM generate_series(1, 1000000)")

    assert before < (database_seconds() or 0.0) < before + 60
