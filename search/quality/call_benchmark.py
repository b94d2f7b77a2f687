"""Measures what the limits of the API cost a call: searches through the whole API, with and without
limits in turns, and the charge alone."""

import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connections
from django.test import Client, override_settings

from catalog.api.call_limits import charge_address
from search.quality.search_benchmark import make_unique

PATH = "/api/v1/search/photo/"
LIMIT = 10_000_000  # calls a minute, which no measurement reaches
ADDRESS = "192.0.2.1"
ROUNDS = 4  # of each kind, in turns
TIME_LIMIT_S = 60.0  # also on a busy machine


@dataclass(frozen=True)
class CallCost:
    """Milliseconds of calls of one address, with limits and without, in the order of the pairs."""

    clients: int
    limited_ms: np.ndarray
    free_ms: np.ndarray

    def median_ms(self) -> tuple[float, float]:
        return float(np.median(self.limited_ms)), float(np.median(self.free_ms))


def measure_calls(photos: Sequence[bytes], clients: int, calls: int) -> CallCost:
    """Makes `calls` searches by photo of each kind through the API, by concurrent clients of one
    address. The kinds take turns in rounds, so that other load affects both equally."""
    times: dict[int, list[float]] = {LIMIT: [], 0: []}
    per_round = max(1, calls // (2 * ROUNDS))
    for number in range(2 * ROUNDS):
        for limit in (LIMIT, 0) if number % 2 else (0, LIMIT):
            sent = [make_unique(photos[n % len(photos)]) for n in range(per_round)]
            with override_settings(CALLS_PER_ADDRESS=limit, SEARCH_TIME_LIMIT_S=TIME_LIMIT_S):
                times[limit] += _measure(clients, [_search_by(photo) for photo in sent])
    return CallCost(clients, np.array(times[LIMIT]), np.array(times[0]))


def measure_charges(clients: int, charges: int) -> tuple[np.ndarray, np.ndarray]:
    """Returns the milliseconds of charges alone, by concurrent clients: of one address, and of an
    address for each client, in turns."""
    shared: list[float] = []
    apart: list[float] = []
    for _ in range(ROUNDS):
        per_round = max(clients, charges // ROUNDS)
        shared += _measure(clients, [_charge_to(ADDRESS)] * per_round)
        own = [_charge_to(f"198.51.100.{n % clients}") for n in range(per_round)]
        apart += _measure(clients, own)
    return np.array(shared), np.array(apart)


def _search_by(photo: bytes) -> Callable[[], None]:
    def search() -> None:
        file = SimpleUploadedFile("photo.jpg", photo, "image/jpeg")
        answer = Client(headers={"host": "localhost"}).post(
            PATH, {"image": file}, REMOTE_ADDR=ADDRESS
        )
        assert answer.status_code == 200, answer.content

    return search


def _charge_to(address: str) -> Callable[[], None]:
    def charge() -> None:
        charge_address(address, LIMIT)

    return charge


def _measure(clients: int, works: Sequence[Callable[[], None]]) -> list[float]:
    """Returns the milliseconds of each piece of work, done by concurrent clients."""
    upcoming: Iterator[Callable[[], None]] = iter(works)
    times: list[float] = []

    def client() -> None:
        try:
            while work := next(upcoming, None):
                start = time.perf_counter()
                work()
                times.append(1000 * (time.perf_counter() - start))
        finally:
            connections.close_all()

    with ThreadPoolExecutor(clients) as threads:
        for done in [threads.submit(client) for _ in range(clients)]:
            done.result()
    return times
