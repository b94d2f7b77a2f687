"""The plan of a catalogue: arithmetic on a prediction for one shard, and on assumptions."""

import math
from dataclasses import dataclass

import numpy as np
from django.conf import settings

from indexing.monitoring.capacity.assumptions import Assumptions, Prices
from indexing.monitoring.capacity.calibration import Calibration
from indexing.monitoring.capacity.fan_out import simulate_fan_out
from indexing.monitoring.capacity.prediction import Prediction, median_other_ms, predict
from indexing.monitoring.capacity.stores import Store

GB = 1e9
HOURS_A_YEAR = 365 * 24
MAX_SHARDS = 10_000


class CannotPlan(Exception):
    """No number of servers does what is asked. The message says why."""


@dataclass(frozen=True)
class Demand:
    """A catalogue and its use. `changed`: the share of products that changes between two refreshes;
    `searches_per_s`: at the peak."""

    products: int
    images_per_product: float
    refreshes_a_day: float
    changed: float
    searches_per_s: float

    @property
    def images(self) -> float:
        return self.products * self.images_per_product


@dataclass(frozen=True)
class Plan:
    """What a demand needs with one store. Gigabytes are 10^9 bytes. `cost_year` has the parts whose
    price is known, in the currency of the prices."""

    store: str
    basis: str
    memory_gb: float
    disk_gb: float
    shards: int
    database_servers: int
    web_servers: int
    build_hours: float
    embedding_core_hours: float
    embedding_gpu_hours: float
    gpus: int
    refresh_minutes: float
    search_p50_ms: float
    search_p95_ms: float
    search_p99_ms: float
    peak_gbit_s: float
    network_gb_day: float
    cost_year: dict[str, float]


@dataclass(frozen=True)
class _Cluster:
    """Shards of a store, the prediction for one of them, and its servers."""

    shards: int
    shard: Prediction
    memory: float
    disk: float
    servers: int


@dataclass(frozen=True)
class _Network:
    """Traffic of searches and of changed photos; `answers_gb_day` is the part to shoppers."""

    peak_gbit_s: float
    gb_day: float
    answers_gb_day: float


def make_plan(
    calibration: Calibration, demand: Demand, store: Store, assumed: Assumptions, prices: Prices
) -> Plan:
    """Raises CannotPlan."""
    cluster = _size_cluster(calibration, demand, store, assumed)
    gpus, refresh_s = _refresh(calibration, demand, cluster, assumed)
    embedding_gpu_s = demand.images / assumed.gpu_images_per_s
    build_s = embedding_gpu_s / gpus + _build_s(cluster.shard, store)
    spans = _search_ms(calibration, demand, store, cluster, assumed)
    web_servers = _count_web_servers(calibration, demand, assumed)
    network = _network(demand, cluster, assumed)
    return Plan(
        store=store.name,
        basis=store.basis,
        memory_gb=cluster.memory / GB,
        disk_gb=cluster.disk / GB,
        shards=cluster.shards,
        database_servers=cluster.servers,
        web_servers=web_servers,
        build_hours=build_s / 3600,
        embedding_core_hours=demand.images * calibration.cores / calibration.images_per_s / 3600,
        embedding_gpu_hours=embedding_gpu_s / 3600,
        gpus=gpus,
        refresh_minutes=refresh_s / 60,
        search_p50_ms=float(np.percentile(spans, 50)),
        search_p95_ms=float(np.percentile(spans, 95)),
        search_p99_ms=float(np.percentile(spans, 99)),
        peak_gbit_s=network.peak_gbit_s,
        network_gb_day=network.gb_day,
        cost_year=_cost_year(demand, cluster, web_servers, network, assumed, prices),
    )


def _network(demand: Demand, cluster: _Cluster, assumed: Assumptions) -> _Network:
    inside = cluster.shards * settings.SEARCH_CANDIDATES * assumed.row_bytes
    searched = 1000 * (assumed.photo_kb + assumed.answer_kb) + inside
    searches_a_day = demand.searches_per_s * assumed.average_load * 86_400
    fetched = _changed_images_a_day(demand) * 1000 * assumed.photo_kb
    return _Network(
        peak_gbit_s=8 * demand.searches_per_s * searched / GB,
        gb_day=(searches_a_day * searched + fetched) / GB,
        answers_gb_day=searches_a_day * 1000 * assumed.answer_kb / GB,
    )


def _cost_year(
    demand: Demand,
    cluster: _Cluster,
    web_servers: int,
    network: _Network,
    assumed: Assumptions,
    prices: Prices,
) -> dict[str, float]:
    """Returns the cost of a year, of the parts that have a price."""
    images = 365 * _changed_images_a_day(demand) + assumed.rebuilds_a_year * demand.images
    used = {
        "servers": (prices.server_month, 12 * (cluster.servers + web_servers)),
        "gpu": (prices.gpu_hour, images / assumed.gpu_images_per_s / 3600),
        "disk": (prices.disk_gb_month, 12 * cluster.disk / GB),
        "network": (prices.network_gb, 365 * network.answers_gb_day),
    }
    return {name: price * much for name, (price, much) in used.items() if price}


def _changed_images_a_day(demand: Demand) -> float:
    return demand.refreshes_a_day * demand.images * demand.changed


def _size_cluster(
    calibration: Calibration, demand: Demand, store: Store, assumed: Assumptions
) -> _Cluster:
    """Chooses the fewest shards that fit into the memory of a server while a new graph is built
    beside the live one."""
    server = assumed.server_memory_gb * GB * assumed.memory_share
    for shards in _counts():
        images = demand.images / shards
        shard = predict(calibration, demand.products / shards, images)
        generation = store.bytes_of_vectors(shard, images)
        tables = shard.search_bytes - shard.table_bytes["vectors"] - shard.table_bytes["graph"]
        needed = tables + generation
        if needed + assumed.build_bytes * generation > server:
            continue
        generations = 2 + settings.KEPT_GENERATIONS  # the live one, and one that is being built
        disk = (tables + generations * generation) * (1 + assumed.spare_disk)
        busy_cores = demand.searches_per_s * _retrieve_s(shard, store) / assumed.utilisation
        servers = shards * max(assumed.copies, math.ceil(busy_cores / assumed.server_cores))
        copies = servers / shards
        return _Cluster(shards, shard, needed * servers, disk * shards * copies, servers)
    raise CannotPlan(
        f"A server with {assumed.server_memory_gb:g} GB is too small: set server_memory_gb."
    )


def _counts() -> list[int]:
    """Returns numbers of shards to try: each up to 100, and then a twentieth more each time."""
    counts = list(range(1, 101))
    while counts[-1] < MAX_SHARDS:
        counts.append(math.ceil(counts[-1] * 1.05))
    return counts


def _retrieve_s(shard: Prediction, store: Store) -> float:
    """A warm retrieval keeps one core busy for as long as it takes."""
    return float(np.mean(shard.retrieve_ms)) * store.retrieve_factor / 1000


def _build_s(shard: Prediction, store: Store) -> float:
    """All shards build at the same time, each with as many cores as were measured."""
    return shard.build_s + (store.build_factor - 1) * shard.stages_s.get("graph", 0.0)


def _refresh(
    calibration: Calibration, demand: Demand, cluster: _Cluster, assumed: Assumptions
) -> tuple[int, float]:
    """Returns the GPUs that embed the changed photos in time, and the seconds of a refresh. Shards
    write at the same time."""
    interval_s = 86_400 / demand.refreshes_a_day
    changed = demand.products * demand.changed
    large = calibration.large
    write_s = changed / cluster.shards * large.refresh_s / large.refreshed
    left_s = interval_s * assumed.refresh_share - write_s
    if left_s <= 0:
        raise CannotPlan(
            f"Writing the changes of a refresh takes {write_s / 60:.0f} minutes, longer than"
            f" refresh_share of the {interval_s / 60:.0f} minutes between two: refresh less often."
        )
    embed_s = changed * demand.images_per_product / assumed.gpu_images_per_s
    gpus = max(1, math.ceil(embed_s / left_s))
    return gpus, write_s + embed_s / gpus


def _search_ms(
    calibration: Calibration, demand: Demand, store: Store, cluster: _Cluster, assumed: Assumptions
) -> np.ndarray:
    """Returns the milliseconds of whole searches."""
    copies = cluster.servers // cluster.shards
    spans = simulate_fan_out(
        cluster.shard.retrieve_ms * store.retrieve_factor,
        cluster.shards,
        cores=assumed.server_cores,
        searches_per_s=demand.searches_per_s / copies,
        network_ms=assumed.network_ms,
        merge_ms=assumed.merge_ms,
    )
    return spans + median_other_ms(calibration.large)


def _count_web_servers(calibration: Calibration, demand: Demand, assumed: Assumptions) -> int:
    """Returns how many servers encode photos, one of them to spare. What all cores did a second
    under load, less the retrieval, is the work of a search."""
    large = calibration.large
    whole_s = calibration.cores / large.searches_per_s
    own_s = max(whole_s - float(np.mean(large.retrieve_ms)) / 1000, 0.1 * whole_s)
    cores = demand.searches_per_s * own_s / assumed.utilisation
    return math.ceil(cores / assumed.server_cores) + 1
