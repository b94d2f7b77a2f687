"""What a worker does while others work, and what it holds while an encoder works."""

import signal
import threading
import time
from collections import Counter
from collections.abc import Sequence
from datetime import timedelta

import numpy as np
import psycopg
import pytest
from django.db import connection
from django.utils import timezone

from catalog.models import Tag
from catalog.visual import load_encoder as encoder_module
from indexing.models import Chunk, IndexingRun
from indexing.pipeline import worker
from indexing.pipeline.rebuild import start_rebuild
from indexing.pipeline.worker import work_on
from tests.indexing.histogram_encoder import HistogramEncoder
from tests.indexing.shop import add_products, images_now, vectors_of
from tests.processes import Processes, url_of_test_database, wait_until

OPEN_TRANSACTIONS = """
    SELECT state, query FROM pg_stat_activity
    WHERE datname = current_database() AND pid <> pg_backend_pid()
        AND backend_type = 'client backend' AND xact_start IS NOT NULL
"""
LOCKED_ROWS = """
    SELECT relation::regclass::text FROM pg_locks
    WHERE relation = 'indexing_indexingrun'::regclass AND mode = 'RowShareLock' AND granted
"""


@pytest.mark.usefixtures("committed_shop")
def test_the_models_folder_is_not_hashed_while_others_work(
    settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given the encoder that comes with Vitrina, and a run whose only chunk another worker holds.
    settings.ENCODER = "starter"
    monkeypatch.setattr("catalog.index.live_index.load_encoder", encoder_module.load_encoder)
    hashed: Counter[str] = Counter()
    real = encoder_module.checksum_now

    def checksum_now(name: str) -> str:
        hashed[name] += 1
        return real(name)

    monkeypatch.setattr(encoder_module, "checksum_now", checksum_now)
    add_products(range(3))
    run = start_rebuild()
    run.state, run.stage = IndexingRun.State.RUNNING, "embed"
    run.save()
    later = timezone.now() + timedelta(hours=1)
    Chunk.objects.create(
        run=run,
        stage="embed",
        ordinal=0,
        payload={"products": []},
        size=0,
        state=Chunk.State.LEASED,
        lease_until=later,
        worker="other",
    )

    # When a worker waits for it, looking many times,
    waits: list[float] = []

    def look_away(seconds: float) -> None:
        waits.append(seconds)
        if len(waits) == 20:
            IndexingRun.objects.filter(pk=run.pk).update(state=IndexingRun.State.PAUSED)

    monkeypatch.setattr(worker.time, "sleep", look_away)
    assert work_on(run).state == IndexingRun.State.PAUSED

    # then it does not look at the model at all.
    assert len(waits) >= 20
    assert not hashed


class WatchingEncoder(HistogramEncoder):
    """Looks from another connection, whenever it encodes, who is in a transaction."""

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
        # Photos are encoded in a thread, while what was encoded before is written.
        writing = threading.current_thread() is not threading.main_thread()
        with psycopg.connect(self._url) as other:
            if not writing:
                self.seen += other.execute(OPEN_TRANSACTIONS).fetchall()
            self.seen += other.execute(LOCKED_ROWS).fetchall()


@pytest.mark.usefixtures("committed_shop")
def test_no_transaction_is_open_and_no_run_is_locked_while_an_encoder_encodes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    watching = WatchingEncoder(url_of_test_database())
    monkeypatch.setattr("catalog.index.live_index.load_encoder", lambda name, *how: watching)
    Tag.objects.create(slug="red", name="red")
    add_products(range(10))

    run = work_on(start_rebuild())

    assert (run.state, run.error) == ("succeeded", "")
    assert watching.looks["texts"]
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

    # then the chunk is anybody's, and no attempt is counted.
    chunk = run.chunks.get()
    assert (chunk.state, chunk.attempts, chunk.errors) == (Chunk.State.PENDING, 0, 0)
    processes.pause({})
    began = time.monotonic()
    assert processes.run("index", "rebuild", CHUNK_LEASE_S="60") == 0
    assert time.monotonic() - began < 60
    assert vectors_of() == images_now()
