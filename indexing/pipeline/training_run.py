"""Training: an encoder learns from the catalogue. If it then finds products that it has not learnt
better than the encoder in use, a rebuild takes it into use."""

import logging
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

from django.conf import settings
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as _lazy

from catalog.index.live_index import live_generation, open_space
from catalog.models import Generation
from catalog.visual.model_source import LOCAL
from indexing.generations.encoder_registry import register_encoder
from indexing.ledger import chunk_leases, runs
from indexing.ledger.chunking import Check, Payload, StageFailed, single_chunk
from indexing.models import Chunk, IndexingRun
from indexing.pipeline.rebuild import start_rebuild
from indexing.quality.encoder_comparison import compare_encoders
from indexing.quality.training_result import judge_comparison
from indexing.training.curves import summarise_curves
from indexing.training.shop import collecting
from indexing.training.shop.clicked_photos import read_clicked_photos
from indexing.training.shop.lesson_folder import (
    CATALOG,
    LOG,
    TRAINED,
    Lesson,
    read_history,
    read_last_line,
    read_progress,
)
from indexing.training.shop.schedule import count_steps, estimate_minutes

MIN_PRODUCTS = 10  # to train on
BYTES_OF_MODELS = 500 * 1024**2  # the start, checkpoints, the result, and its compiled form
POLL_S = 0.5
NO_INDEX = _lazy("There is no live index to learn from: run 'index rebuild' first.")

log = logging.getLogger("vitrina.indexing")


def start_training(
    encoder: str = "", publish: bool = True, join: bool = True, **options: Any
) -> IndexingRun:
    """Starts a training from the encoder of that name (by default the one in use), or returns the
    unfinished one if nobody works on it any more. `options`: parameters of a Lesson. Raises
    RunConflict if a training is under way, or an unfinished one has other options; without `join`,
    if there is an unfinished one at all."""
    unfinished = runs.unfinished_runs().filter(kind=IndexingRun.Kind.TRAINING).first()
    live = live_generation()
    source = encoder or (live.encoder.name if live else settings.ENCODER)
    run = unfinished or runs.start_run(
        IndexingRun.Kind.TRAINING, encoder=source, publish=publish, options=options
    )
    if runs.is_worked_on(run) or (unfinished and not join):
        raise runs.RunConflict(
            _("Training %(number)s is under way: let it finish or cancel it.") % {"number": run.pk}
        )
    is_other = (encoder and run.encoder != encoder) or run.publish != publish
    if is_other or run.options != options:
        raise runs.RunConflict(
            _("Training %(number)s, with other options, is unfinished: resume or cancel it.")
            % {"number": run.pk}
        )
    return run


def describe_plan(run: IndexingRun | None = None) -> str:
    """Describes how much a training will learn from and how long it takes, for operators."""
    live = live_generation()
    if live is None:
        return str(NO_INDEX)
    photos, products, held_out = collecting.count_lessons(live.encoder_id)
    steps = (run.options if run else {}).get("steps") or count_steps(products)
    minutes = estimate_minutes(steps, photos)
    return _(
        "%(photos)s photos of %(products)s products to learn from, and %(aside)s products set aside"
        " to measure on. On two cores this takes about %(minutes)s minutes."
    ) % {
        "photos": photos,
        "products": products,
        "aside": held_out,
        "minutes": minutes,
    }


def plan_collect(run: IndexingRun) -> Iterator[tuple[Payload, int]]:
    """Plans the photos to collect, and sets products aside."""
    live = _live()
    lessons = collecting.choose_lessons(live.encoder_id)
    if lessons.products < MIN_PRODUCTS:
        raise StageFailed(
            f"There are {lessons.products} products to learn from, {len(lessons.held_out)} more are"
            f" set aside to measure on. At least {MIN_PRODUCTS} visible products with an indexed"
            " photo are needed to learn from."
        )
    _delete_other_folders(run)
    needed = BYTES_OF_MODELS + len(lessons.photos) * collecting.BYTES_PER_PHOTO
    settings.TRAINING_ROOT.mkdir(parents=True, exist_ok=True)
    free = shutil.disk_usage(settings.TRAINING_ROOT).free
    if free < needed:
        raise StageFailed(
            f"Training needs about {needed // 1024**2} MB in {settings.TRAINING_ROOT}, where"
            f" {free // 1024**2} MB are free."
        )
    run.result = {"held_out": lessons.held_out}
    run.save(update_fields=["result"])
    yield {}, len(lessons.photos)


def perform_collect(chunk: Chunk, check: Check) -> None:
    """Copies the photos into the folder of the run. After an interruption, it leaves out the photos
    of shoppers, one of which may have killed the worker."""
    held_out = set(chunk.run.result["held_out"])
    photos = [
        photo
        for photo in collecting.choose_lessons(_live().encoder_id).photos
        if photo.product_id not in held_out
    ]
    clicks = [] if chunk.was_interrupted else read_clicked_photos()
    try:
        collected = collecting.collect(photos, clicks, _folder(chunk.run), check, _report(chunk))
    except OSError as error:
        raise StageFailed(_explain(error)) from error
    if collected.products < MIN_PRODUCTS:
        raise StageFailed(
            f"Only {collected.products} products have a photo that can be read now. At least"
            f" {MIN_PRODUCTS} are needed."
        )
    _store_result(chunk.run, **asdict(collected))


def plan_train(run: IndexingRun) -> Iterator[tuple[Payload, int]]:
    lesson = _lesson_of(run)
    yield asdict(lesson), lesson.all_steps


def perform_train(chunk: Chunk, check: Check) -> None:
    """Trains in a process of its own, and puts the encoder among the models. On another machine
    than before, it begins anew."""
    folder, model = _folder(chunk.run), _model_of(chunk.run)
    if model.exists():
        return
    try:
        if not (folder / CATALOG).exists():
            perform_collect(chunk, check)
        Lesson(**chunk.payload).write(folder)
        _run_process(folder, check, _report(chunk))
        _store_result(chunk.run, curves=summarise_curves(read_history(folder)))
        part = model.with_suffix(".part")
        shutil.rmtree(part, ignore_errors=True)
        shutil.copytree(folder / TRAINED, part)
        part.rename(model)
    except OSError as error:
        raise StageFailed(_explain(error)) from error


def perform_compare(chunk: Chunk, check: Check) -> None:
    """Registers the encoder, and compares it with the one in use."""
    run, live = chunk.run, _live()
    version = register_encoder(f"{LOCAL}{_model_of(run)}")
    held_out = set(run.result["held_out"])
    comparison = compare_encoders(open_space(live), version, check, among=held_out)
    _store_result(run, encoder=version.name, root=settings.ENCODER, **judge_comparison(comparison))


def perform_hand_over(chunk: Chunk, check: Check) -> None:
    """Starts a rebuild with the new encoder if it is better. The worker takes it up."""
    run = IndexingRun.objects.get(pk=chunk.run_id)
    if run.result["better"] and run.publish:
        try:
            rebuild = runs.name_starter(start_rebuild(run.result["encoder"]), run.started_by)
            _store_result(run, rebuild=rebuild.pk)
        except runs.RunConflict as conflict:
            _store_result(run, conflict=str(conflict))
    shutil.rmtree(_folder(run), ignore_errors=True)


def plan_single(run: IndexingRun) -> Iterator[tuple[Payload, int]]:
    """Plans one chunk."""
    return single_chunk()


def _lesson_of(run: IndexingRun) -> Lesson:
    given = {"steps": count_steps(run.result["products"]), **run.options}
    return Lesson(source=run.encoder, **given)


def _run_process(folder: Path, check: Check, report: Callable[[int], None]) -> None:
    """Runs the training, and stops it if the worker no longer holds the chunk. Raises
    StageFailed."""
    command = [sys.executable, "-m", "indexing.training.shop.lesson", str(folder), str(os.getpid())]
    with (folder / LOG).open("w") as output:
        process = subprocess.Popen(
            command, cwd=settings.BASE_DIR, stdin=subprocess.DEVNULL, stdout=output, stderr=output
        )
    try:
        while process.poll() is None:
            check()
            report(read_progress(folder))
            time.sleep(POLL_S)
    finally:
        process.kill()
        process.wait()
    if process.returncode < 0:
        raise RuntimeError(f"The training was killed by signal {-process.returncode}.")
    if process.returncode:
        raise StageFailed(read_last_line(folder))


def _folder(run: IndexingRun) -> Path:
    return Path(settings.TRAINING_ROOT) / f"run-{run.pk}"


def _model_of(run: IndexingRun) -> Path:
    """Returns the folder of the trained encoder, which no other training has."""
    return Path(settings.MODELS_ROOT) / f"{run.created_at:%Y-%m-%d-%H%M%S}-training-{run.pk}"


def _delete_other_folders(run: IndexingRun) -> None:
    """Deletes the folders of earlier runs, which have failed or were cancelled."""
    for folder in Path(settings.TRAINING_ROOT).glob("run-*"):
        if folder != _folder(run):
            shutil.rmtree(folder, ignore_errors=True)


def _live() -> Generation:
    """Returns the live generation. Raises StageFailed."""
    live = live_generation()
    if live is None:
        raise StageFailed(str(NO_INDEX))
    return live


def _report(chunk: Chunk) -> Callable[[int], None]:
    """Returns a function that records the progress of a chunk whenever it has changed."""
    last = -1

    def report(done: int) -> None:
        nonlocal last
        if done != last:
            chunk_leases.record_progress(chunk, done)
            last = done

    return report


def _store_result(run: IndexingRun, **values: Any) -> None:
    run.result = {**run.result, **values}
    run.save(update_fields=["result"])


def _explain(error: OSError) -> str:
    return (
        f"{error.filename or settings.TRAINING_ROOT} cannot be written: {error.strerror or error}."
        " Remove the cause, then start the training again."
    )
