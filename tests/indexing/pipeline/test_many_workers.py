"""Many processes of the task queue share one run: with the database as broker, and with Redis."""

import shutil
import socket
import subprocess
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.db.models import Max, Min

from catalog.models import Embedding
from indexing.embedding.views import VIEWS
from indexing.ledger import runs
from indexing.models import Chunk
from indexing.pipeline.rebuild import start_rebuild
from tests.indexing.shop import add_products
from tests.support.processes import Processes, wait_until
from tests.support.web_servers import free_port

REDIS = shutil.which("redis-server")
PHOTOS, CHUNK, SECONDS_A_PHOTO = 4_000, 50, 0.04
PATIENCE_S = 600.0


@pytest.fixture
def redis(tmp_path: Path) -> Iterator[str]:
    """The address of a Redis server that keeps nothing."""
    if REDIS is None:
        pytest.skip("Debian's package redis-server is not installed.")
    port = free_port()
    process = subprocess.Popen(
        [REDIS, "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--dir", str(tmp_path)],
        stdout=subprocess.DEVNULL,
    )
    try:
        wait_until(lambda: answers(port))
        yield f"redis://127.0.0.1:{port}/0"
    finally:
        process.terminate()
        process.wait(30)


def answers(port: int) -> bool:
    with socket.socket() as client:
        return client.connect_ex(("127.0.0.1", port)) == 0


@pytest.fixture
def broker(request: pytest.FixtureRequest) -> dict[str, str]:
    """The settings of a broker of the task queue."""
    if request.param == "redis":
        return {"REDIS_URL": request.getfixturevalue("redis")}
    return {}


@pytest.mark.long
@pytest.mark.alone
@pytest.mark.parametrize(
    ("broker", "counts"), [("database", (1, 2, 4, 8)), ("redis", (1, 8))], indirect=["broker"]
)
def test_eight_processes_embed_seven_times_as_fast(
    processes: Processes, broker: dict[str, str], counts: tuple[int, ...]
) -> None:
    # Given an encoder that sleeps, so that the cores of this machine are not the limit,
    add_products(range(PHOTOS))

    spans = {workers: embed_with(processes, workers, broker) for workers in counts}

    gains = {workers: spans[1] / span for workers, span in spans.items()}
    print({workers: f"{spans[workers]:.1f} s, {gains[workers]:.2f} times" for workers in spans})
    assert gains[8] >= 7


def embed_with(processes: Processes, workers: int, broker: dict[str, str]) -> float:
    """Lets a task queue of so many processes embed all photos anew. Returns the seconds."""
    Embedding.objects.all().delete()
    begun = len(processes.begun())
    queue = processes.start(
        "qcluster",
        WORKERS=str(workers),
        CHUNK_IMAGES=str(CHUNK),
        CHUNK_LEASE_S="60",
        TEST_ENCODE_S=str(SECONDS_A_PHOTO / VIEWS),
        **broker,
    )
    run = start_rebuild("histogram")
    runs.pause_run(run)
    assert processes.run("index", "resume", str(run.pk), RUN_WORKERS=str(workers), **broker) == 0
    embedding = run.chunks.filter(stage="embed")
    wait_until(
        lambda: embedding.exists() and not embedding.exclude(state=Chunk.State.DONE).exists(),
        timeout_s=PATIENCE_S,
        every_s=0.5,
    )
    runs.cancel_run(run)
    queue.terminate()
    queue.wait(30)

    ordinals = Counter(line for line in processes.begun()[begun:] if line.startswith("embed "))
    assert set(ordinals.values()) == {1}  # no chunk twice
    assert len(ordinals) == embedding.count() == PHOTOS // CHUNK
    assert Embedding.objects.count() == PHOTOS
    assert embedding.values("worker").distinct().count() == workers
    worked = embedding.aggregate(begun=Min("started_at"), ended=Max("finished_at"))
    return float((worked["ended"] - worked["begun"]).total_seconds())
