"""Searches over several shards, simulated. A search waits for the slowest shard."""

import numpy as np
from numpy.typing import ArrayLike

SEARCHES = 4_000
WARM_UP = 400


def simulate_fan_out(
    shard_ms: ArrayLike,
    shards: int,
    cores: int,
    searches_per_s: float,
    network_ms: float,
    merge_ms: float,
    seed: int = 1,
) -> np.ndarray:
    """Returns the milliseconds of searches, float (SEARCHES - WARM_UP,).

    Searches arrive at random, `searches_per_s` on average, and each goes to all shards at once. A
    shard works on `cores` searches at a time, in order, each for a time drawn from `shard_ms`. The
    answer takes `network_ms` for the way there and back, and `merge_ms` for each shard."""
    random = np.random.default_rng(seed)
    arrivals = np.cumsum(random.exponential(1000 / searches_per_s, SEARCHES))
    service = random.choice(np.asarray(shard_ms, float), (SEARCHES, shards))
    free_at = np.zeros((shards, cores))
    rows = np.arange(shards)
    spans = np.empty(SEARCHES)
    for number, arrival in enumerate(arrivals):
        core = free_at.argmin(axis=1)
        ends = np.maximum(free_at[rows, core], arrival) + service[number]
        free_at[rows, core] = ends
        spans[number] = ends.max() - arrival
    return spans[WARM_UP:] + network_ms + merge_ms * shards
