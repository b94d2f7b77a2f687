"""Processes are killed while they write vectors: the next ones finish their work, and the store
holds what PostgreSQL says. With pgvector, and with the engine of Qdrant and its own files."""

import signal
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from catalog.index.live_index import live_space
from catalog.index.search_statement import VectorQuery
from catalog.index.vector_store import Repair, vector_store
from catalog.models import Embedding, Product
from indexing.models import Chunk
from indexing.vectors.verification import verify_generations
from tests.indexing.shop import add_products, current_images, vectors_of
from tests.support.processes import Processes, wait_until

pytestmark = [pytest.mark.slow, pytest.mark.long]  # real processes, real leases that expire

PRODUCTS = 40


def count_deaths(processes: Processes, command: str, stages: str, where: dict[str, str]) -> int:
    """Repeats a command, which dies after the first chunk of each of the stages, until it ends."""
    deaths = 0
    while status := processes.run("index", command, TEST_DIES_AFTER=stages, **where):
        assert status == -signal.SIGKILL, processes.log.read_text()
        deaths += 1
    return deaths


@pytest.mark.parametrize("store", ["pgvector", "qdrant"])
def test_what_a_killed_writer_left_is_completed(
    processes: Processes, settings: Any, tmp_path: Path, store: str
) -> None:
    engine = f"edge:{tmp_path / 'engine'}" if store == "qdrant" else ""
    where = {"VECTOR_STORE": store, "QDRANT_URL": engine}
    add_products(range(PRODUCTS))

    # When a rebuild is killed between two chunks of vectors, and after each stage that writes,
    processes.pause({"vectors": 2})
    worker = processes.start("index", "rebuild", **where)
    wait_until(Chunk.objects.filter(stage="vectors", state=Chunk.State.DONE).exists)
    processes.kill(worker)
    processes.pause({})
    assert count_deaths(processes, "rebuild", "graph catch_up publish", where) >= 2

    # and a refresh, after it has written a new product and removed another,
    add_products([PRODUCTS])
    Product.objects.order_by("pk")[1].delete()
    assert count_deaths(processes, "refresh", "refresh repair", where) >= 1

    # then the store holds the photos of the catalogue, and finds them.
    settings.VECTOR_STORE, settings.QDRANT_URL = store, engine
    [verified] = verify_generations()
    assert verified.behind == 0
    assert verified.repair == Repair(compared=PRODUCTS if store == "qdrant" else 0)
    assert vectors_of() == current_images()
    for embedding in Embedding.objects.all():
        vector = np.asarray(embedding.vector, np.float32)[None]
        [found] = vector_store().nearest(VectorQuery(live_space(), vector, 1))
        assert found.similarity == pytest.approx(1.0, abs=0.01)
