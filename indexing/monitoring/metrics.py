"""Metrics in Prometheus' text format, for `/metrics`. The figures of the index, of keys and of
imports are read from the database at each scrape, so all processes report the same. Each process
adds its own counters."""

from collections import Counter
from collections.abc import Iterator
from typing import Any

from prometheus_client import REGISTRY, CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from indexing.models import IndexingRun
from indexing.monitoring.api_figures import ApiCollector
from indexing.monitoring.freshness import index_status

PHOTO_STATES = ("waiting", "fetched", "failed", "given_up")


def metrics_text() -> bytes:
    """Returns all metrics as Prometheus scrapes them."""
    registry = CollectorRegistry()
    registry.register(IndexCollector())
    registry.register(ApiCollector())
    return generate_latest(registry) + generate_latest(REGISTRY)


class IndexCollector(Collector):
    """The index status and the runs by state, as gauges."""

    def describe(self) -> list[Metric]:
        return []

    def collect(self) -> Iterator[Metric]:
        status = index_status()
        fresh, products, live = status["freshness"], status["products"], status["generation"]
        yield gauge("fresh", "1 while no change is older than the target", fresh["fresh"])
        yield gauge("oldest_pending_seconds", "age of the oldest change", fresh["oldest_pending_s"])
        yield gauge(
            "freshness_target_seconds", "target for the age of the oldest change", fresh["target_s"]
        )
        lag = GaugeMetricFamily(
            "vitrina_index_lag_seconds",
            "seconds from a change until it was searchable",
            labels=["quantile"],
        )
        for quantile, key in (("0.5", "lag_p50_s"), ("0.95", "lag_p95_s")):
            if fresh[key] is not None:
                lag.add_metric([quantile], fresh[key])
        yield lag
        yield _count_by_state("vitrina_products", "products by state", products)
        photos = {state: status["photos"][state] for state in PHOTO_STATES}
        yield _count_by_state("vitrina_photos", "photos by address, by state", photos)
        yield from _count_sources(status["sources"])
        if live is not None:
            yield gauge("generation", "id of the live generation", live["id"])
            yield gauge("images", "images in the live generation", live["images"])
            yield gauge(
                "recall_at_20",
                "recall@20 of the graph of the live generation",
                live["recall_at_20"] or 0.0,
            )
            if live["self_test"]:
                yield _self_test_recall(live["self_test"])
        yield _count_runs(status["runs"]["running"])


def _count_by_state(name: str, meaning: str, counts: dict[str, int]) -> GaugeMetricFamily:
    family = GaugeMetricFamily(name, meaning, labels=["state"])
    for state, count in counts.items():
        family.add_metric([state], count)
    return family


def _count_sources(figures: dict[str, int]) -> Iterator[Metric]:
    counts = {name: figures[name] for name in ("failing", "waiting")}
    yield _count_by_state("vitrina_sources", "sources that fail, or wait for an operator", counts)
    yield GaugeMetricFamily(
        "vitrina_source_failures_in_a_row",
        "most failed pulls of a source since its last success",
        value=figures["failures_in_a_row"],
    )


def _self_test_recall(figures: dict[str, Any]) -> GaugeMetricFamily:
    family = GaugeMetricFamily(
        "vitrina_index_self_test_recall",
        "recall of the live generation for photos of its own that are held out or composed",
        labels=["kind", "at"],
    )
    for at in ("1", "5"):
        if (recall := figures[f"recall_at_{at}"]) is not None:
            family.add_metric([figures["kind"], at], recall)
    return family


def _count_runs(running: list[dict[str, Any]]) -> GaugeMetricFamily:
    counts = Counter((run["kind"], run["state"]) for run in running)
    family = GaugeMetricFamily(
        "vitrina_index_runs", "unfinished runs by state", labels=["kind", "state"]
    )
    for kind in IndexingRun.Kind.values:
        for state in IndexingRun.UNFINISHED:
            family.add_metric([kind, state], counts[kind, state])
    return family


def gauge(name: str, meaning: str, value: float) -> GaugeMetricFamily:
    return GaugeMetricFamily(f"vitrina_index_{name}", meaning, value=float(value))
