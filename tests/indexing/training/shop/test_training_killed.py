"""A training is killed at any moment, and goes on."""

import os
import signal
from pathlib import Path
from typing import Any

import pytest
import torch

from indexing.models import IndexingRun
from indexing.training.checkpoints import CHECKPOINT_FILE
from tests.indexing.shop import rebuild
from tests.indexing.training.conftest import add_toy_products
from tests.support.processes import Processes, wait_until

pytestmark = [pytest.mark.slow, pytest.mark.long]  # real processes, and two trainings

STEPS = 60
PATIENCE_S = 600.0  # each process loads torch
COMMAND = ("train_encoder", "--from-catalog", "--steps", str(STEPS), "--products", "4")
COMMAND = (*COMMAND, "--size", "64", "--object-steps", "0")


@pytest.fixture
def environment(
    offline_settings: Any, toy_encoder: Path, tmp_path: Path, processes: Processes
) -> dict[str, str]:
    """The environment of the processes, and a shop that the toy encoder has indexed."""
    offline_settings.ENCODER = f"local-dir:{toy_encoder}"
    offline_settings.ENCODER_CACHE = tmp_path / "data" / "encoders"
    add_toy_products(15)
    rebuild()
    return {"ENCODER": offline_settings.ENCODER, "DATA_DIR": str(tmp_path / "data")}


def checkpoint_of(run: IndexingRun, tmp_path: Path) -> Path:
    return tmp_path / "data" / "training" / f"run-{run.pk}" / CHECKPOINT_FILE


def test_the_same_command_goes_on_after_a_kill(
    processes: Processes, environment: dict[str, str], tmp_path: Path
) -> None:
    # Given a training whose command is killed when it has written a checkpoint.
    command = processes.start(*COMMAND, **environment)
    run = wait_until(lambda: IndexingRun.objects.filter(kind="training").first())
    checkpoint = checkpoint_of(run, tmp_path)
    wait_until(checkpoint.exists, PATIENCE_S)
    processes.kill(command)

    # Then the process that trains ends too.
    [chunk] = run.chunks.filter(stage="train")
    wait_until(lambda: not trainers(run))
    resumed_from = torch.load(checkpoint, weights_only=True)["step"]
    assert 0 < resumed_from < STEPS

    # When the same command runs again, the training goes on and succeeds.
    assert processes.start(*COMMAND, **environment).wait(PATIENCE_S) == 0
    run.refresh_from_db()
    chunk.refresh_from_db()
    assert run.state == "succeeded"
    assert chunk.attempts == 2
    assert len(list((tmp_path / "data" / "models").iterdir())) == 1


def test_a_worker_of_the_queue_takes_over(
    processes: Processes, environment: dict[str, str], tmp_path: Path
) -> None:
    command = processes.start(*COMMAND, **environment)
    run = wait_until(lambda: IndexingRun.objects.filter(kind="training").first())
    wait_until(checkpoint_of(run, tmp_path).exists, PATIENCE_S)
    os.killpg(command.pid, signal.SIGKILL)
    command.wait()

    processes.start("shell", "-c", TAKE_OVER, **environment)

    wait_until(lambda: IndexingRun.objects.get(pk=run.pk).state == "succeeded", PATIENCE_S)


TAKE_OVER = """
import time
from indexing.tasks import join_abandoned_runs
while not join_abandoned_runs():
    time.sleep(0.2)
"""


def trainers(run: IndexingRun) -> list[str]:
    """Returns the command lines of the processes that train this run."""
    lines = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            line = path.read_bytes().replace(b"\\0", b" ").decode()
        except OSError:
            continue
        if "shop.lesson" in line and f"run-{run.pk} " in line:
            lines.append(line)
    return lines
