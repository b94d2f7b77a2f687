"""The database server stops under load (SIGSTOP) and continues later."""

import json
import os
import signal
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from itertools import cycle
from typing import Any

import psutil
import pytest
from django.conf import settings
from django.db import connection

from catalog.models import Product
from config.database import uses_embedded
from tests.support.processes import wait_until
from tests.support.web_servers import MULTIPART, WebServer, multipart

pytestmark = [
    pytest.mark.alone,  # all databases of the server stop
    pytest.mark.django_db,
    pytest.mark.skipif(not uses_embedded(), reason="stops the database of others"),
]

MAX_REFUSAL_S = 10.0


@contextmanager
def frozen() -> Iterator[None]:
    """Stops all processes of the database server during the block."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT split_part(pg_read_file('postmaster.pid'), E'\\n', 1)::int")
        postmaster = psutil.Process(cursor.fetchone()[0])
    connection.close()
    os.kill(postmaster.pid, signal.SIGSTOP)
    stopped = [postmaster, *postmaster.children()]
    try:
        for process in stopped[1:]:
            send(process, signal.SIGSTOP)
        yield
    finally:
        for process in stopped:
            send(process, signal.SIGCONT)


def send(process: psutil.Process, number: signal.Signals) -> None:
    """Sends a signal. A backend whose client has disconnected may have ended."""
    with suppress(psutil.NoSuchProcess):
        process.send_signal(number)


class Shopper:
    """Requests one product after the other, and records every answer."""

    def __init__(self, server: WebServer, products: list[int]) -> None:
        self._server, self._products = server, products
        self.statuses: list[int] = []
        self.longest_s = 0.0
        self.wrong: list[Any] = []
        self.is_active = True

    def send_requests(self) -> None:
        for pk in cycle(self._products):
            if not self.is_active:
                return
            began = time.monotonic()
            status, _, body = self._server.request(f"/api/v1/products/{pk}/")
            self.longest_s = max(self.longest_s, time.monotonic() - began)
            self.statuses.append(status)
            if status == 200 and json.loads(body)["id"] != pk:
                self.wrong.append((pk, body))


@contextmanager
def shoppers_in(
    server: WebServer, products: list[int], threads: ThreadPoolExecutor
) -> Iterator[list[Shopper]]:
    """Four shoppers send requests during the block."""
    shoppers = [Shopper(server, products[start::4]) for start in range(4)]
    running = [threads.submit(shopper.send_requests) for shopper in shoppers]
    try:
        wait_until(lambda: all(len(shopper.statuses) > 20 for shopper in shoppers))
        yield shoppers
    finally:
        for shopper in shoppers:
            shopper.is_active = False
    for task in running:
        task.result()


def search(server: WebServer, photo: bytes) -> tuple[int, list[int]]:
    """Returns the status of a photo search, and the products found."""
    body = multipart([photo])
    status, _, answer = server.request("/api/v1/search/photo/", "POST", body, MULTIPART)
    results = json.loads(answer).get("results", [])
    return status, [result["product"]["id"] for result in results]


def measure(call: Callable[[], int]) -> tuple[int, float]:
    began = time.monotonic()
    return call(), time.monotonic() - began


def assert_refused_soon(server: WebServer, photo: bytes, threads: ThreadPoolExecutor) -> None:
    """A search and the readiness check answer 503 within MAX_REFUSAL_S, and the process lives."""
    requests = [
        threads.submit(measure, lambda: search(server, photo)[0]),
        threads.submit(measure, lambda: server.status("/readyz")),
    ]
    for status, seconds in (request.result() for request in requests):
        assert status == 503
        assert seconds < MAX_REFUSAL_S
    assert server.status("/livez") == 200


def wait_for_answers(shoppers: list[Shopper], count: int) -> None:
    """Waits until each shopper has got `count` more answers."""
    targets = [len(shopper.statuses) + count for shopper in shoppers]
    wait_until(
        lambda: all(
            len(shopper.statuses) > target
            for shopper, target in zip(shoppers, targets, strict=True)
        )
    )


def test_requests_to_a_frozen_database_fail_fast_and_recover_by_themselves(
    demo_server: WebServer, photos: dict[str, Any], long_run: bool
) -> None:
    # Given shoppers who send requests all the time,
    photo = photos["scopia-living-lamp-2"].data
    before = search(demo_server, photo)
    products = list(Product.objects.values_list("pk", flat=True)[:50])
    with (
        ThreadPoolExecutor(8) as threads,
        shoppers_in(demo_server, products, threads) as shoppers,
    ):
        # when the database stops, requests fail in time and the process lives;
        with frozen():
            until = time.monotonic() + (20 if long_run else 6)
            while time.monotonic() < until:
                assert_refused_soon(demo_server, photo, threads)

        # when the database continues, requests succeed again,
        wait_until(lambda: search(demo_server, photo)[0] == 200, 20)
        wait_for_answers(shoppers, 30)

    # and no answer belongs to another request.
    assert search(demo_server, photo) == before
    assert demo_server.status("/readyz") == 200
    for shopper in shoppers:
        assert shopper.wrong == []
        assert set(shopper.statuses) == {200, 503}
        assert shopper.statuses[-10:] == [200] * 10
        assert shopper.longest_s < MAX_REFUSAL_S


def test_only_web_processes_have_a_pool_and_a_connect_timeout() -> None:
    assert "pool" not in settings.DATABASES["default"]["OPTIONS"]
    assert "connect_timeout" not in settings.DATABASES["default"]["OPTIONS"]
