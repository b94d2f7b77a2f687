"""Workers are killed while they write to Qdrant and to PostgreSQL: nothing stays wrong."""

import random
import signal
import time
from pathlib import Path

import pytest
from django.test.utils import override_settings

from catalog.index.live_index import live_generation
from catalog.index.vector_store import Repair, vector_store
from catalog.models import ProductChange
from indexing.pipeline.rebuild import start_rebuild
from tests.indexing.ledger.test_killed_workers import held_chunk
from tests.indexing.shop import add_products, current_images, vectors_of
from tests.support.processes import Processes, wait_until

pytestmark = [pytest.mark.slow, pytest.mark.long]

KILLS = 3  # while vectors are written


def test_a_store_outside_of_postgresql_survives_kills_of_its_writers(
    processes: Processes, tmp_path: Path
) -> None:
    store = {"VECTOR_STORE": "qdrant", "QDRANT_URL": f"edge:{tmp_path}"}
    add_products(range(60))
    run = start_rebuild()

    # When workers are killed at random moments of writing vectors, and at the ends of stages,
    for _ in range(KILLS):
        worker = processes.start("index", "rebuild", **store)
        wait_until(lambda: held_chunk(run, "vectors"))
        time.sleep(random.uniform(0, 0.1))
        processes.kill(worker)
    deaths = "vectors graph evaluate publish"
    while processes.run("index", "rebuild", TEST_DIES_AFTER=deaths, **store) == -signal.SIGKILL:
        pass
    add_products(range(100, 110))
    died = processes.run("index", "refresh", TEST_DIES_AFTER="refresh repair", **store)
    ended = processes.run("index", "refresh", **store)

    # then the table and Qdrant have each photo once.
    assert (died, ended) == (-signal.SIGKILL, 0)
    assert not ProductChange.objects.exists()
    live = live_generation()
    assert live is not None
    assert vectors_of(live) == current_images()
    with override_settings(**store):
        assert vector_store().graph_is_valid(live)
        assert vector_store().repair(live) == Repair(compared=len(current_images()))
