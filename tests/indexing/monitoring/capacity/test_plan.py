"""Plans, with numbers that are worked out by hand."""

import json
from dataclasses import replace
from io import StringIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from django.core.management import CommandError, call_command

from indexing.monitoring.capacity.assumptions import Assumptions, Prices, UnknownName, with_values
from indexing.monitoring.capacity.calibration import (
    Calibration,
    Measurement,
    NotCalibrated,
    read_calibration,
)
from indexing.monitoring.capacity.fan_out import simulate_fan_out
from indexing.monitoring.capacity.growth import along_line, along_logarithm, along_power
from indexing.monitoring.capacity.planning import CannotPlan, Demand, make_plan
from indexing.monitoring.capacity.prediction import predict
from indexing.monitoring.capacity.report import compare
from indexing.monitoring.capacity.stores import Store, known_stores

PGVECTOR = Store("pgvector", "measured", 1.0, 1.0)


def measurement(products: int, milliseconds: float) -> Measurement:
    """1 MB, and for each product 500 bytes and for each photo 100 + 1,000 + 300 + 400."""
    images = 2 * products
    return Measurement(
        products=products,
        images=images,
        table_bytes={
            "products": 1_000_000 + 500 * products,
            "photos": 100 * images,
            "embeddings": 1000 * images,
            "vectors": 300 * images,
            "graph": 400 * images,
        },
        stages_s={"graph": images / 1000, "evaluate": 5.0},
        retrieve_ms=[milliseconds] * 50,
        total_ms=[milliseconds + 20] * 50,
        searches_per_s=50,
        refreshed=1000,
        refresh_s=2.0,
    )


CALIBRATION = Calibration(
    made_at="2026-12-01 12:00",
    cores=2,
    encoder="starter",
    images_per_s=200,
    small=measurement(10_000, 4),
    large=measurement(100_000, 6),
)


def test_bytes_grow_along_a_line_and_keep_their_constant() -> None:
    assert along_line((10, 30), (20, 50), 100) == 210


def test_seconds_grow_by_the_measured_power_within_bounds() -> None:
    assert along_power((10, 1), (100, 10), 1000) == pytest.approx(100)
    assert along_power((10, 5), (100, 5), 1000) == pytest.approx(5)
    assert along_power((10, 6), (100, 5), 1000) == pytest.approx(5)
    assert along_power((10, 1), (100, 1000), 1000) == pytest.approx(1000 * 10**1.2)
    assert along_power((10, 0), (100, 0), 1000) == 0


def test_milliseconds_grow_with_the_logarithm_and_never_shrink() -> None:
    assert along_logarithm((10, 4), (100, 6), 10_000) == pytest.approx(10)
    assert along_logarithm((10, 6), (100, 4), 10_000) == pytest.approx(4)


def test_a_prediction_follows_its_two_points() -> None:
    predicted = predict(CALIBRATION, 1_000_000, 2_000_000)

    assert predicted.table_bytes["products"] == pytest.approx(501e6)
    assert predicted.search_bytes == pytest.approx(501e6 + 2e6 * 1800)
    assert predicted.stages_s == pytest.approx({"graph": 2000, "evaluate": 5})
    assert np.median(predicted.retrieve_ms) == pytest.approx(8)
    assert predicted.total_ms == pytest.approx(28)


def test_a_measured_catalogue_is_compared_with_its_prediction() -> None:
    table = compare(CALIBRATION, measurement(1_000_000, 8))

    ratios = [line.split()[-1] for line in table.splitlines()[2:]]
    assert set(ratios) == {"1.00"}


# --- Searches over shards -------------------------------------------------------------------------


def test_one_idle_shard_answers_in_its_own_time() -> None:
    spans = simulate_fan_out([7.0], 1, 32, 0.001, network_ms=0.5, merge_ms=0.1)

    assert spans == pytest.approx(np.full(len(spans), 7.6))


def test_a_search_waits_for_its_slowest_shard() -> None:
    # Given shards of which one search in ten takes 50 ms, a hundred shards have one nearly always.
    often_slow = [5.0] * 9 + [50.0]

    one = simulate_fan_out(often_slow, 1, 32, 0.001, 0, 0)
    hundred = simulate_fan_out(often_slow, 100, 32, 0.001, 0, 0)

    assert np.mean(one == 50) == pytest.approx(0.1, abs=0.02)
    assert np.mean(hundred == 50) > 0.999


def test_searches_wait_when_the_cores_are_busy() -> None:
    # A core that is busy for four fifths of the time: M/D/1 waits 10 * 0.8 / (2 * 0.2) = 20 ms.
    spans = simulate_fan_out([10.0], 1, 1, 80, 0, 0)

    assert np.mean(spans) == pytest.approx(30, rel=0.3)
    assert np.percentile(simulate_fan_out([10.0], 1, 32, 80, 0, 0), 99) == 10


# --- Plans ----------------------------------------------------------------------------------------


def plan(demand: Demand, prices: Prices | None = None, **assumed: Any) -> Any:
    return make_plan(
        CALIBRATION, demand, PGVECTOR, replace(Assumptions(), **assumed), prices or Prices()
    )


def test_a_small_catalogue_needs_one_shard() -> None:
    made = plan(Demand(1_000_000, 2, 4, 0.01, 10))

    # Tables 4.101 GB on each of two copies; four generations of 0.7 KB a photo on disk.
    assert (made.shards, made.database_servers) == (1, 2)
    assert made.memory_gb == pytest.approx(2 * 4.101)
    assert made.disk_gb == pytest.approx(2 * 1.3 * (4.101 + 3 * 1.4))
    # 20,000 photos of a refresh: 13.3 s on a GPU, and 10,000 products at 2 ms each.
    assert made.gpus == 1
    assert made.refresh_minutes == pytest.approx((20_000 / 1500 + 20) / 60)
    assert made.build_hours == pytest.approx((2e6 / 1500 + 2005) / 3600)
    assert made.embedding_core_hours == pytest.approx(2e6 / 100 / 3600)
    # 2 cores give 50 searches a second: 40 ms of a core, 6 of them for the retrieval.
    assert made.web_servers == 2
    assert made.search_p50_ms == pytest.approx(8 + 20 + 0.5 + 0.05)


def test_a_large_catalogue_is_divided_until_a_shard_fits() -> None:
    made = plan(Demand(400_000_000, 1.5, 5, 0.02, 500))

    # 1,133 bytes and 1.3 * 700 to build, 600 million times, into 192 GB of each server.
    needed = 400e6 * 500 + 600e6 * (1800 + 1.3 * 700)
    assert made.shards == np.ceil((needed + made.shards * 1e6) / 192e9)
    assert made.database_servers % made.shards == 0
    assert made.search_p99_ms >= made.search_p95_ms >= made.search_p50_ms > 26


def test_more_searches_need_more_servers() -> None:
    few, many = (plan(Demand(1_000_000, 2, 4, 0.01, qps)) for qps in (10, 20_000))

    # 20,000 * 8 ms keep 160 cores busy: 320 at half load, ten servers of 32.
    assert (few.database_servers, many.database_servers) == (2, 10)
    assert many.web_servers > few.web_servers


def test_prices_make_the_cost() -> None:
    demand = Demand(1_000_000, 2, 4, 0.01, 10)
    made = plan(demand, Prices(server_month=100, gpu_hour=3))

    gpu_hours = (365 * 4 * 20_000 + 4 * 2e6) / 1500 / 3600
    assert made.cost_year == pytest.approx({"servers": 12 * 4 * 100, "gpu": 3 * gpu_hours})
    assert plan(demand).cost_year == {}


def test_qdrant_is_computed_from_its_layout(settings: Any) -> None:
    settings.HNSW_M, settings.VECTOR_DIMENSIONS = 24, 128
    qdrant = known_stores()[1]

    assert qdrant.basis == "assumed"
    assert qdrant.bytes_of_vectors(predict(CALIBRATION, 10, 20), 1000) == pytest.approx(787_200)


@pytest.mark.parametrize(
    ("demand", "assumed", "why"),
    [
        (Demand(1_000_000, 2, 4, 0.01, 10), {"server_memory_gb": 1e-5}, "server_memory_gb"),
        (Demand(400_000_000, 1, 4, 1, 10), {"server_memory_gb": 4096}, "refresh less often"),
    ],
)
def test_what_cannot_be_planned_says_why(demand: Demand, assumed: Any, why: str) -> None:
    with pytest.raises(CannotPlan, match=why):
        plan(demand, **assumed)


def test_values_are_set_by_name() -> None:
    given = with_values(Assumptions(), ["copies=3", "server_memory_gb=512.5"])

    assert (given.copies, given.server_memory_gb) == (3, 512.5)
    assert with_values(Prices(), ["gpu_hour=2.5"]).gpu_hour == 2.5
    for wrong in ("copies", "copies=two", "copies=1.5", "copy=2", "gpu_hour=-1", "copies=0"):
        with pytest.raises(UnknownName, match=r"names server_memory_gb"):
            with_values(Assumptions(), [wrong])


# --- The command ----------------------------------------------------------------------------------


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The file of the calibration, which does not exist yet."""
    file = tmp_path / "data" / "calibration.json"
    monkeypatch.setattr(read_calibration, "__defaults__", (file,))
    return file


def call(*arguments: str) -> str:
    out = StringIO()
    call_command("plan_capacity", *arguments, stdout=out)
    return out.getvalue()


def test_the_command_prints_a_table_and_json(file: Path) -> None:
    CALIBRATION.save(file)
    asked = "--products 400000000 --images-per-product 1.5 --updates-per-day 5 --changed 0.02"
    arguments = [*asked.split(), "--qps", "500"]

    table = call(*arguments)
    assert "400,000,000 products, 600,000,000 photos" in table
    assert "pgvector        qdrant" in table
    assert "Cost without server_month, gpu_hour, disk_gb_month, network_gb" in table
    assert "server_memory_gb=256" in table

    prices = ("server_month=900", "gpu_hour=2", "disk_gb_month=0.1", "network_gb=0.05")
    priced = [part for price in prices for part in ("--price", price)]
    assert "cost a year, servers" in call(*arguments, *priced)
    data = json.loads(call(*arguments, *priced, "--json"))
    assert [each["store"] for each in data["plans"]] == ["pgvector", "qdrant"]
    assert data["calibration"]["products"] == [10_000, 100_000]
    for each in data["plans"]:
        assert each["cost_year_total"] == pytest.approx(sum(each["cost_year"].values()))


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        ("", "Give --products N"),
        ("--products 1000", "Run manage.py plan_capacity --calibrate"),
        ("--products -5", "above 0"),
        ("--products 5 --changed 2", "a share from 0 to 1"),
        ("--products 5 --price gpu=1", "gpu_hour"),
        ("--calibrate 100", "at least 10,000"),
    ],
)
def test_the_command_explains_what_is_wrong(file: Path, arguments: str, why: str) -> None:
    with pytest.raises(CommandError, match=why):
        call(*arguments.split())


def test_a_damaged_calibration_is_named(file: Path) -> None:
    file.parent.mkdir()
    file.write_text('{"small": {}}')

    with pytest.raises(NotCalibrated, match=r"calibration.json cannot be read .* Calibrate again"):
        read_calibration()
