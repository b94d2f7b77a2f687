"""Workers load no encoder while they wait for others, and hold no transaction while they encode."""

import signal
import threading
import time
from collections import Counter
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import numpy as np
import psycopg
import pytest
from django.db import connection
from django.utils import timezone

from catalog.models import Tag
from indexing.ledger import runs
from indexing.models import Chunk, IndexingRun
from indexing.pipeline.rebuild import start_rebuild
from indexing.pipeline.worker import work_on
from tests.indexing.histogram_encoder import HistogramEncoder
from tests.indexing.shop import add_products, current_images, vectors_of
from tests.support.processes import Processes, url_of_test_database, wait_until

OPEN_TRANSACTIONS = """
    SELECT state, query FROM pg_stat_activity
    WHERE datname = current_database() AND pid <> pg_backend_pid()
        AND backend_type = 'client backend' AND xact_start IS NOT NULL
"""
LOCKED_ROWS = """
    SELECT relation::regclass::text FROM pg_locks
    WHERE relation = 'indexing_indexingrun'::regclass AND mode = 'RowShareLock' AND granted
        AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
"""


@pytest.mark.usefixtures("empty_shop")
def test_the_encoder_is_not_loaded_while_other_workers_hold_chunks(settings: Any) -> None:
    # Given a run whose encoder cannot be loaded, and whose only chunk another worker holds.
    settings.ENCODER = "missing"
    run = start_rebuild()
    run.state, run.stage = IndexingRun.State.RUNNING, "embed"
    run.save()
    chunk = Chunk.objects.create(
        run=run,
        stage="embed",
        ordinal=0,
        size=0,
        state=Chunk.State.LEASED,
        lease_until=timezone.now() + timedelta(hours=1),
        worker="other",
    )

    # When a worker waits for it, then it does not try to load the encoder,
    waits = []

    def pause_after_five(run: IndexingRun) -> None:
        waits.append(run.state)
        if len(waits) == 5:
            runs.pause_run(run)

    assert work_on(run, pause_after_five).state == IndexingRun.State.PAUSED
    assert waits == ["running"] * 5 + ["paused"]

    # but when that chunk is done, it does.
    Chunk.objects.filter(pk=chunk.pk).update(state=Chunk.State.DONE)
    runs.resume_run(run)
    with pytest.raises(KeyError, match="missing"):
        work_on(run)


class WatchingEncoder(HistogramEncoder):
    """Records the open transactions and locked rows that another connection sees during each
    encoding."""

    def __init__(self, url: str) -> None:
        super().__init__("histogram")
        self._url = url
        self.seen: list[object] = []
        self.looks: Counter[str] = Counter()

    def encode_pixels(self, pixels: np.ndarray) -> np.ndarray:
        self._look("photos")
        return super().encode_pixels(pixels)

    def encode_texts(self, texts: Sequence[str]) -> np.ndarray:
        self._look("texts")
        return super().encode_texts(texts)

    def _look(self, at: str) -> None:
        self.looks[at] += 1
        # Photos are encoded in a thread, while the main thread writes the embeddings before them.
        writing = threading.current_thread() is not threading.main_thread()
        with psycopg.connect(self._url) as other:
            if not writing:
                self.seen += other.execute(OPEN_TRANSACTIONS).fetchall()
            self.seen += other.execute(LOCKED_ROWS).fetchall()


@pytest.mark.usefixtures("committed_shop")
def test_no_transaction_is_open_and_no_run_is_locked_while_an_encoder_encodes(
    encoders: dict[str, HistogramEncoder],
) -> None:
    watching = WatchingEncoder(url_of_test_database())
    encoders["histogram"] = watching
    Tag.objects.create(slug="red", name="red")
    add_products(range(10))

    run = work_on(start_rebuild())

    assert (run.state, run.error) == ("succeeded", "")
    assert watching.looks["photos"]
    assert watching.seen == []
    connection.close()


@pytest.mark.slow  # a real process
def test_a_worker_that_is_interrupted_gives_its_chunk_back_at_once(processes: Processes) -> None:
    # Given a worker at a terminal in the middle of a chunk, under a lease of a minute,
    add_products(range(10))
    processes.pause({"embed": 60})
    run = start_rebuild()
    interrupted = processes.start("index", "rebuild", CHUNK_LEASE_S="60", CHUNK_IMAGES="100")
    wait_until(lambda: "embed 0" in processes.begun())

    # when somebody presses Ctrl-C,
    interrupted.send_signal(signal.SIGINT)
    assert interrupted.wait(20) != 0

    # then the chunk is free for other workers, and no attempt is counted.
    chunk = run.chunks.get()
    assert (chunk.state, chunk.attempts, chunk.errors) == (Chunk.State.PENDING, 0, 0)
    processes.pause({})
    began = time.monotonic()
    assert processes.run("index", "rebuild", CHUNK_LEASE_S="60") == 0
    assert time.monotonic() - began < 60
    assert vectors_of() == current_images()
