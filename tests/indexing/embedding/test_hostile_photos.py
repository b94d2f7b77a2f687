"""Photos that kill or hang their decoder are quarantined, and the other photos are indexed."""

import signal
from pathlib import Path

import pytest

from catalog.models import Embedding
from indexing.models import Chunk, ImageFailure
from indexing.monitoring.freshness import index_status
from indexing.pipeline.rebuild import start_rebuild
from tests.indexing.embedding.hostile import HANGS, KILLS
from tests.indexing.shop import add_product, add_products, current_images, photo, vectors_of
from tests.support.processes import Processes, wait_until

pytestmark = pytest.mark.slow  # real processes are killed


def work(processes: Processes, *command: str) -> int:
    """Starts workers one after another until one finishes the run. Returns how many died."""
    deaths = 0
    while (status := processes.run(*command, TEST_TIMEOUT_S="4", CHUNK_IMAGES="100")) != 0:
        assert status == -signal.SIGKILL, processes.log.read_text()
        deaths += 1
        assert deaths < 10
    return deaths


@pytest.mark.long
@pytest.mark.parametrize(
    ("harm", "deaths", "reason"),
    [(KILLS, 1, "The decoder crashed."), (HANGS, 0, "Decoding took over 4 s.")],
    ids=["kills", "hangs"],
)
def test_one_photo_of_many_is_quarantined_at_the_third_attempt(
    processes: Processes, long_run: bool, harm: bytes, deaths: int, reason: str
) -> None:
    # Given hundreds of photos, one of which is harmful.
    chunks = 10 if long_run else 3
    good = 100 * chunks - 1
    add_products(range(149))
    bad = add_product("bad", photo(7000) + harm)
    add_products(range(149, good))
    run = start_rebuild()

    # When workers index them, one after another,
    assert work(processes, "index", "rebuild") == deaths

    # then all others can be found,
    run.refresh_from_db()
    assert (run.state, run.error) == ("succeeded", "")
    assert Embedding.objects.count() == good
    assert vectors_of() == [row for row in current_images() if row[0] != bad.pk]
    # and the operator sees why the other one cannot.
    failure = ImageFailure.objects.get()
    assert (failure.product_id, failure.image_id) == (bad.pk, bad.images.get().pk)
    assert (failure.quarantined, failure.attempts, failure.reason) == (True, 3, reason)
    assert index_status()["products"]["failed"] == 1
    # Only the chunk of that photo was done again.
    assert run.chunks.filter(stage="embed", attempts=1).count() == chunks - 1
    assert run.chunks.get(attempts__gt=1).state == Chunk.State.DONE
    # And the photo is not tried again.
    assert processes.run("index", "refresh") == 0
    assert ImageFailure.objects.get().attempts == 3


def test_a_killed_worker_leaves_no_decoder_behind(processes: Processes) -> None:
    # Given a worker that waits for its child process, which hangs in a photo,
    add_product("bad", photo(1) + HANGS)
    run = start_rebuild()
    worker = processes.start("index", "rebuild", TEST_TIMEOUT_S="3")
    wait_until(lambda: run.chunks.filter(stage="embed", attempts=2).exists())
    child = wait_until(lambda: decoders_of(worker.pid))

    processes.kill(worker)

    wait_until(lambda: not any(Path(f"/proc/{pid}/stat").exists() for pid in child), timeout_s=10)


def decoders_of(parent: int) -> list[int]:
    """Returns the ids of the decoding processes that a process has spawned."""
    children = Path(f"/proc/{parent}/task/{parent}/children").read_text().split()
    return [
        int(pid) for pid in children if b"spawn_main" in Path(f"/proc/{pid}/cmdline").read_bytes()
    ]
