"""Plans and predictions as tables of text, and as JSON."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import numpy as np

from indexing.monitoring.capacity.assumptions import Assumptions, Prices
from indexing.monitoring.capacity.calibration import Calibration, Measurement
from indexing.monitoring.capacity.planning import Demand, Plan
from indexing.monitoring.capacity.prediction import predict

ROWS = (
    ("memory, all copies, GB", "memory_gb", "{:,.1f}"),
    ("disk, all copies, GB", "disk_gb", "{:,.1f}"),
    ("shards", "shards", "{:,}"),
    ("database servers", "database_servers", "{:,}"),
    ("web servers", "web_servers", "{:,}"),
    ("GPUs for refreshes", "gpus", "{:,}"),
    ("first build, hours", "build_hours", "{:,.2f}"),
    ("  embedding, GPU-hours", "embedding_gpu_hours", "{:,.1f}"),
    ("  or core-hours", "embedding_core_hours", "{:,.1f}"),
    ("refresh, minutes", "refresh_minutes", "{:,.1f}"),
    ("search, p50, ms", "search_p50_ms", "{:,.1f}"),
    ("search, p95, ms", "search_p95_ms", "{:,.1f}"),
    ("search, p99, ms", "search_p99_ms", "{:,.1f}"),
    ("network at the peak, Gbit/s", "peak_gbit_s", "{:,.2f}"),
    ("network, GB a day", "network_gb_day", "{:,.1f}"),
)
COSTS = ("servers", "gpu", "disk", "network")


def as_data(
    calibration: Calibration,
    demand: Demand,
    plans: Sequence[Plan],
    assumed: Assumptions,
    prices: Prices,
) -> dict[str, Any]:
    """Returns the plans and all they rest on, for JSON."""
    return {
        "demand": asdict(demand),
        "plans": [
            {**asdict(plan), "cost_year_total": sum(plan.cost_year.values())} for plan in plans
        ],
        "calibration": {
            "made_at": calibration.made_at,
            "cores": calibration.cores,
            "encoder": calibration.encoder,
            "products": [calibration.small.products, calibration.large.products],
        },
        "assumptions": asdict(assumed),
        "prices": asdict(prices),
    }


def as_table(
    calibration: Calibration,
    demand: Demand,
    plans: Sequence[Plan],
    assumed: Assumptions,
    prices: Prices,
) -> str:
    lines = [
        f"{demand.products:,} products, {demand.images:,.0f} photos; {demand.refreshes_a_day:g}"
        f" refreshes a day of {demand.changed:.1%}; {demand.searches_per_s:g} searches a second",
        f"measured at {calibration.small.products:,} and {calibration.large.products:,} products on"
        f" {calibration.cores} cores, {calibration.made_at}, encoder {calibration.encoder}",
        "",
        _row("", [plan.store for plan in plans]),
        _row("vectors", [plan.basis for plan in plans]),
    ]
    for label, name, shape in ROWS:
        lines.append(_row(label, [shape.format(getattr(plan, name)) for plan in plans]))
    for part in COSTS:
        if any(part in plan.cost_year for plan in plans):
            cells = [f"{plan.cost_year.get(part, 0):,.0f}" for plan in plans]
            lines.append(_row(f"cost a year, {part}", cells))
    if missing := [name for name, price in asdict(prices).items() if price is None]:
        lines.append(f"Cost without {', '.join(missing)}: give --price NAME=NUMBER.")
    else:
        totals = [f"{sum(plan.cost_year.values()):,.0f}" for plan in plans]
        lines.append(_row("cost a year", totals))
    stated = ", ".join(f"{name}={value:g}" for name, value in asdict(assumed).items())
    return "\n".join([*lines, "", f"Assumed: {stated}"])


def compare(calibration: Calibration, measured: Measurement) -> str:
    """Returns a table of what was predicted for a catalogue and what it measured."""
    predicted = predict(calibration, measured.products, measured.images)
    rows = [
        *(
            (f"{name}, MB", predicted.table_bytes[name] / 1e6, size / 1e6)
            for name, size in measured.table_bytes.items()
        ),
        ("memory of searches, MB", predicted.search_bytes / 1e6, measured.search_bytes / 1e6),
        *(
            (f"stage {name}, s", predicted.stages_s[name], seconds)
            for name, seconds in measured.stages_s.items()
        ),
        ("build, s", predicted.build_s, measured.build_s),
        (
            "retrieval, p50, ms",
            float(np.median(predicted.retrieve_ms)),
            float(np.median(measured.retrieve_ms)),
        ),
        ("search, p50, ms", predicted.total_ms, float(np.median(measured.total_ms))),
    ]
    lines = [
        f"{measured.products:,} products, from {calibration.small.products:,} and"
        f" {calibration.large.products:,}",
        _row("", ["predicted", "measured", "ratio"]),
    ]
    for label, expected, found in rows:
        ratio = f"{expected / found:.2f}" if found else ""
        lines.append(_row(label, [f"{expected:,.2f}", f"{found:,.2f}", ratio]))
    return "\n".join(lines)


def _row(label: str, cells: Sequence[str]) -> str:
    return f"{label:32}" + "".join(f"{cell:>14}" for cell in cells)
