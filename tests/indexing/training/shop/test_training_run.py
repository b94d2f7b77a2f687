"""Training as an offline run: what it needs, what it brings, and what ends it. The encoder is small
and the training short, but real."""

import time
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.utils import timezone

from catalog.index.live_index import live_generation
from indexing.generations.encoder_registry import default_encoder
from indexing.ledger import runs
from indexing.models import Chunk, IndexingRun
from indexing.monitoring.freshness import run_progress
from indexing.pipeline import training_run
from indexing.pipeline.rebuild import start_rebuild
from indexing.pipeline.training_run import start_training
from indexing.pipeline.worker import work_on
from indexing.training.shop import collecting
from tests.indexing.conftest import drop_vector_tables, empty_tables
from tests.indexing.shop import add_products, rebuild
from tests.indexing.training.conftest import add_toy_products
from tests.support.processes import PATIENCE_S, wait_until

pytestmark = pytest.mark.slow

SHORT = {"steps": 2, "products": 4, "size": 64, "object_steps": 0}


@pytest.fixture
def training_settings(offline_settings: Any, tmp_path: Path) -> Any:
    """Settings with folders of their own for trainings."""
    offline_settings.TRAINING_ROOT = tmp_path / "training"
    offline_settings.MODELS_ROOT = tmp_path / "models"
    return offline_settings


@pytest.fixture
def toy_settings(training_settings: Any, toy_encoder: Path) -> Any:
    """Settings with the toy encoder."""
    training_settings.ENCODER = f"local-dir:{toy_encoder}"
    training_settings.ENCODER_CACHE = toy_encoder.parent / "compiled"
    # Leases are renewed through another connection, which does not see a test's transaction.
    training_settings.CHUNK_LEASE_S = 3600
    return training_settings


@pytest.fixture
def toy_shop(toy_settings: Any) -> None:
    """Fifteen products with two photos each, indexed by the toy encoder. The test needs a database
    as well."""
    empty_tables()
    add_toy_products(15)
    rebuild()


@pytest.fixture
def indexed_shop(empty_shop: None, training_settings: Any) -> None:
    """Fifteen products with two photos each, indexed by the histogram encoder."""
    add_products(range(15), photos_each=2)
    rebuild()


@pytest.mark.usefixtures("db", "toy_shop")
def test_the_command_trains_and_keeps_an_encoder(toy_settings: Any, capsys: Any) -> None:
    live = live_generation()

    call_command("train_encoder", "--from-catalog", verbosity=0, **SHORT)

    run = IndexingRun.objects.get(kind="training")
    assert run.state == "succeeded"
    # Ten products were learnt, and five set aside.
    assert (run.result["products"], run.result["photos"]) == (10, 20)
    assert len(run.result["held_out"]) == 5
    # The encoder is registered, in a folder of its own. The folder that it was trained in is gone.
    [model] = toy_settings.MODELS_ROOT.iterdir()
    assert run.result["encoder"] == f"local-dir:{model}"
    assert not list(toy_settings.TRAINING_ROOT.glob("run-*"))
    # With so few products it is not measured, and nothing goes live by itself.
    assert not run.result["better"]
    assert live_generation() == live
    told = capsys.readouterr().out
    assert "20 photos of 10 products to learn from, and 5 products set aside" in told
    assert "fewer than 100 products have a photo to search by" in told
    call_command("index", "status")
    assert f"Training {run.pk}: Learnt from 20 photos of 10 products." in capsys.readouterr().out

    # It can be taken into use by hand, and then it is the encoder of later rebuilds.
    rebuild(run.result["encoder"])
    assert default_encoder() == run.result["encoder"]
    assert start_rebuild().encoder == run.result["encoder"]
    toy_settings.ENCODER = "another"
    assert default_encoder() == "another"


@pytest.mark.usefixtures("indexed_shop")
def test_a_second_training_is_refused_while_a_worker_is_at_work() -> None:
    run = start_training(**SHORT)
    chunk = Chunk.objects.create(
        run=run,
        stage="train",
        ordinal=0,
        size=1,
        state=Chunk.State.LEASED,
        worker=training_run.chunk_leases.worker_name(),
        lease_until=timezone.now() + timedelta(minutes=1),
    )

    with pytest.raises(CommandError, match=f"Training {run.pk} is under way"):
        call_command("train_encoder", "--from-catalog", verbosity=0, **SHORT)

    # The worker has died: its process no longer exists.
    host, _, rest = chunk.worker.split(":")
    Chunk.objects.filter(pk=chunk.pk).update(worker=f"{host}:999999999:{rest}")
    assert start_training(**SHORT) == run
    with pytest.raises(runs.RunConflict, match="with other options"):
        start_training(**{**SHORT, "steps": 3})
    with pytest.raises(runs.RunConflict, match="is under way"):
        start_training(join=False, **SHORT)


@pytest.mark.usefixtures("indexed_shop")
def test_a_better_encoder_is_handed_over_to_a_rebuild() -> None:
    run = start_training(**SHORT)
    run.result, run.started_by = {"encoder": default_encoder(), "better": True}, "anna"
    run.save()
    chunk = Chunk.objects.create(run=run, stage="hand_over", ordinal=0, size=1)

    training_run.perform_hand_over(chunk, lambda: None)

    rebuild = IndexingRun.objects.get(kind="rebuild", state="queued")
    run.refresh_from_db()
    assert run.result["rebuild"] == rebuild.pk
    assert (rebuild.encoder, rebuild.started_by) == (run.result["encoder"], "anna")

    # Another rebuild is under way.
    run.result = {"encoder": "local-dir:other", "better": True}
    run.save()
    training_run.perform_hand_over(Chunk.objects.get(pk=chunk.pk), lambda: None)
    run.refresh_from_db()
    assert "is under way" in run.result["conflict"]
    assert "rebuild" not in run.result


@pytest.mark.usefixtures("transactional_db", "toy_shop")
@pytest.mark.long
def test_a_cancelled_training_stops_its_process(toy_settings: Any) -> None:
    toy_settings.CHUNK_LEASE_S = 1
    run = start_training(**{**SHORT, "steps": 100_000})

    with ThreadPoolExecutor(1) as thread:
        working = thread.submit(work_and_disconnect, run)
        progress = toy_settings.TRAINING_ROOT / f"run-{run.pk}" / "progress"
        try:
            # Other test processes come before a training, which is nice to them.
            wait_until(progress.exists, 3 * PATIENCE_S)
            wait_until(lambda: run_progress(IndexingRun.objects.get(pk=run.pk))["done"] > 0)
        finally:
            runs.cancel_run(run)
        assert working.result(PATIENCE_S).state == "cancelled"

    done = progress.read_text()
    time.sleep(1)
    assert progress.read_text() == done
    drop_vector_tables()


def work_and_disconnect(run: IndexingRun) -> IndexingRun:
    try:
        return work_on(run)
    finally:
        connection.close()


def fail(**options: Any) -> str:
    """Runs a training that fails, and returns its error."""
    run = work_on(start_training(**{**SHORT, **options}))
    assert run.state == "failed"
    return run.error


@pytest.mark.usefixtures("empty_shop")
def test_a_training_needs_an_index() -> None:
    assert fail() == "There is no live index to learn from: run 'index rebuild' first."


@pytest.mark.usefixtures("indexed_shop")
def test_a_training_needs_room(training_settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(training_run, "BYTES_OF_MODELS", 10**18)

    error = fail()

    assert error.startswith("Training needs about")
    assert str(training_settings.TRAINING_ROOT) in error


@pytest.mark.usefixtures("indexed_shop")
def test_a_full_disk_ends_a_training_with_a_sentence(
    training_settings: Any, small_disk: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given a disk that fills up after the training has found room on it.
    monkeypatch.setattr(training_run, "BYTES_OF_MODELS", 0)
    monkeypatch.setattr(collecting, "BYTES_PER_PHOTO", 0)
    training_settings.TRAINING_ROOT = small_disk(16)

    assert "No space left on device. Remove the cause" in fail()


@pytest.mark.usefixtures("empty_shop")
def test_a_training_needs_ten_products_to_learn_from(training_settings: Any) -> None:
    add_products(range(14))
    rebuild()

    assert fail().startswith("There are 9 products to learn from, 5 more are set aside")


@pytest.mark.usefixtures("empty_shop")
def test_options_for_files_are_refused(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="--work cannot be used with --from-catalog"):
        call_command("train_encoder", "--from-catalog", work=tmp_path)
