"""Trains an encoder on what `collecting` has put into a folder.

`python -m indexing.training.shop.lesson FOLDER PARENT` does it in a process of its own, which ends
with the process PARENT. It resumes where it was interrupted. It lowers its priority, so that
searches on the same machine come first."""

import os
import shutil
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from catalog.detection.torchvision_ops import declare_missing_ops
from catalog.parent_death import die_with_parent
from catalog.visual.errors import EncoderError
from indexing.training.shop.lesson_folder import CATALOG, CLICKS, START, TRAINED, Lesson

if TYPE_CHECKING:
    from indexing.training.trainer import Plan

NICENESS = 10


def train_lesson(folder: Path) -> None:
    """Trains, and writes the encoder to the folder TRAINED inside `folder`, as an open_clip
    folder. Raises EncoderError if the start cannot be loaded, OSError if the disk is full."""
    declare_missing_ops()
    from indexing.training import trainer

    lesson = Lesson.read(folder)
    if not (folder / START).exists():
        _write_start(lesson, folder)
    _make_plan(lesson, folder).write(folder / "plan.json")
    trainer.main(folder)
    if not (folder / TRAINED).exists():
        _write_trained(lesson, folder)


def _write_start(lesson: Lesson, folder: Path) -> None:
    from indexing.training.model_folder import write_copy

    part = folder / f"{START}.part"
    shutil.rmtree(part, ignore_errors=True)
    write_copy(lesson.source, part)
    part.rename(folder / START)


def _make_plan(lesson: Lesson, folder: Path) -> "Plan":
    from indexing.training.trainer import Plan

    clicks = folder / CLICKS
    return Plan(
        start=str(folder / START),
        catalog=str(folder / CATALOG),
        pairs=(str(clicks),) if clicks.read_text("utf-8") else (),
        held_out=(),
        steps=lesson.steps,
        products=lesson.products,
        size=lesson.size,
        rate=lesson.rate,
        looks_length=0.0,
        view_share=0.6,
        text_weight=0.5,
    )


def _write_trained(lesson: Lesson, folder: Path) -> None:
    """Writes the start model with the weights between its own and the trained ones."""
    import torch

    from catalog.visual.networks.open_clip_model import load_open_clip
    from indexing.training.checkpoints import CHECKPOINT_FILE
    from indexing.training.model_folder import (
        is_quantised,
        quantise_folder,
        read_config,
        write_model,
    )
    from indexing.training.network import load_model, mix_weights
    from indexing.training.objects.object_transfer import transfer_object_head
    from indexing.training.pairs import read_items

    trained = torch.load(folder / CHECKPOINT_FILE, map_location="cpu", weights_only=True)
    model = load_model(folder / START).image_tower.model
    first = model.visual.state_dict()
    model.visual.load_state_dict(mix_weights(first, trained["visual"], lesson.weight))
    part = folder / f"{TRAINED}.part"
    shutil.rmtree(part, ignore_errors=True)
    write_model(model, read_config(folder / START), part)
    source = load_open_clip(lesson.source, exact=True)
    if source.object_tower is not None and lesson.object_steps:
        transfer_object_head(source, part, folder, lesson.steps, lesson.object_steps)
    if is_quantised(lesson.source):
        items = read_items(folder / CATALOG)
        quantise_folder(part, [file for item in items for file in item.images])
    part.rename(folder / TRAINED)


def main(folder: Path) -> int:
    """Returns the exit status. The last line of the output of a failed training gives the
    reason."""
    os.setpriority(os.PRIO_PROCESS, 0, max(NICENESS, os.getpriority(os.PRIO_PROCESS, 0)))
    try:
        train_lesson(folder)
    except (EncoderError, OSError, ValueError) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    die_with_parent(int(sys.argv[2]), signal.SIGKILL)
    sys.exit(main(Path(sys.argv[1])))
