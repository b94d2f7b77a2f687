"""Trains an encoder, stage by stage. Each stage writes its result to the work folder and is skipped
if the result is there. An interrupted run resumes in this way."""

import hashlib
import json
import shutil
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import torch

from catalog.detection.object_head import save_object_head
from catalog.quality.labelled_photos import read_photos
from catalog.visual.encoder import ObjectHeadSettings
from indexing.training.checkpoints import CHECKPOINT_FILE
from indexing.training.distributed import TrainingFailed, run_on_processes
from indexing.training.model_folder import (
    is_quantised,
    quantise_folder,
    read_config,
    write_copy,
    write_model,
)
from indexing.training.network import load_model
from indexing.training.objects.object_training import Scenes, train_object_head
from indexing.training.objects.single_training import SingleOrSeveral, train_single
from indexing.training.pairs import read_items, read_pairs
from indexing.training.pictures.shopper_photos import ShopperPhotos, read_backgrounds
from indexing.training.trainer import Plan

IMAGENET = "imagenet"  # a source in place of an encoder: the start model of the starter encoder


@dataclass(frozen=True)
class Recipe:
    """`source`: IMAGENET, or the name of the encoder to start from. `plan.start` is not used.
    `unseen`: lists of photos to measure on. Their products are left out of the catalogue."""

    source: str
    plan: Plan
    processes: int
    object_steps: int
    unseen: tuple[str, ...] = ()


def train_encoder(recipe: Recipe, work: Path, output: Path) -> None:
    """Trains an encoder and writes it to `output`, as an open_clip folder. `work`: the folder for
    checkpoints and curves.

    Raises TrainingFailed; ValueError or PhotosError if the catalogue or the lists cannot be used;
    EncoderError if the source cannot be loaded; ModuleNotFoundError without the packages of
    requirements-train.txt.
    """
    work.mkdir(parents=True, exist_ok=True)
    _discard_other_recipe(recipe, work)
    catalog = _write_catalogue(recipe, work)
    plan = replace(recipe.plan, start=str(work / "start"), catalog=str(catalog))
    if not (work / "start").exists():
        _write_start(recipe.source, plan, work)
    plan.write(work / "plan.json")
    run_on_processes(recipe.processes, "indexing.training.trainer", [str(work)])
    trained = work / "trained"
    if not (trained / "done").exists():
        _write_trained(recipe.source, plan, work / CHECKPOINT_FILE, trained)
        _add_object_head(recipe, plan, trained)
        if recipe.source == IMAGENET or is_quantised(recipe.source):
            items = read_items(catalog)
            photos = [pair.photo for pair in read_pairs(map(Path, plan.pairs), items)]
            quantise_folder(trained, [*(file for item in items for file in item.images), *photos])
        (trained / "done").touch()
    output.mkdir(parents=True, exist_ok=True)
    for file in sorted(trained.iterdir()):
        if file.suffix in {".json", ".safetensors"}:
            shutil.copyfile(file, output / file.name)


def _discard_other_recipe(recipe: Recipe, work: Path) -> None:
    """Deletes the results from the work folder if they are of another recipe."""
    described = json.dumps(
        {**asdict(recipe), "processes": None}, sort_keys=True, default=str
    ).encode()
    mark, key = work / "recipe", hashlib.sha256(described).hexdigest()
    if not mark.exists() or mark.read_text() != key:
        for name in ("start", "trained"):
            shutil.rmtree(work / name, ignore_errors=True)
        (work / CHECKPOINT_FILE).unlink(missing_ok=True)
        mark.write_text(key)


def _write_catalogue(recipe: Recipe, work: Path) -> Path:
    """Writes the catalogue without the unseen products to the work folder, and a vocabulary that
    lies beside it. Returns its path."""
    catalog = Path(recipe.plan.catalog)
    unseen = {photo.sku for path in recipe.unseen for photo in read_photos(Path(path))}
    rows = [json.loads(line) for line in catalog.read_text("utf-8").splitlines() if line.strip()]
    written = work / "catalog.jsonl"
    with written.open("w", encoding="utf-8") as file:
        for row in rows:
            if row.get("sku") not in unseen:
                images = [str(catalog.parent / image) for image in row.get("images", ())]
                file.write(json.dumps({**row, "images": images}, ensure_ascii=False) + "\n")
    vocabulary = catalog.with_name("vocabulary.jsonl")
    if vocabulary.exists():
        shutil.copyfile(vocabulary, work / vocabulary.name)
    return written


def _write_start(source: str, plan: Plan, work: Path) -> None:
    part = work / "start.part"
    shutil.rmtree(part, ignore_errors=True)
    if source == IMAGENET:
        from indexing.training.starter.make import make_start

        make_start(part, Path(plan.catalog), plan.seed)
    else:
        write_copy(source, part)
    part.rename(work / "start")


def _write_trained(source: str, plan: Plan, checkpoint: Path, output: Path) -> None:
    """Writes the start model with the image tower of the checkpoint, which the starter encoder's
    last stage changes."""
    state = torch.load(checkpoint, map_location="cpu", weights_only=True)
    if state["step"] < plan.steps:
        raise TrainingFailed(f"Training stopped at step {state['step']} of {plan.steps}.")
    loaded = load_model(Path(plan.start))
    model, config = loaded.image_tower.model, read_config(Path(plan.start))
    if source == IMAGENET:
        from indexing.training.starter.finish import finish_starter

        lists = [Path(path) for path in plan.pairs]
        config |= finish_starter(loaded, state["visual"], Path(plan.catalog), lists, plan.seed)
    else:
        model.visual.load_state_dict(state["visual"])
    write_model(model, config, output)


def _add_object_head(recipe: Recipe, plan: Plan, trained: Path) -> None:
    """Trains and adds an object head, if the image tower supports one. That of the starter encoder
    learns from real photographs too whether a photo is of one object."""
    model = load_model(trained)
    trunk = getattr(model.image_tower.model.visual, "trunk", None)
    if not recipe.object_steps or not hasattr(trunk, "conv_stem"):
        return
    items = read_items(Path(plan.catalog))
    studio = ShopperPhotos.from_items(items, read_backgrounds())
    lists = [Path(path) for path in plan.pairs]
    scenes = Scenes(studio, lists, model.preprocessing, plan.seed)
    head = train_object_head(model, scenes, recipe.object_steps)
    if recipe.source == IMAGENET:
        from indexing.training.starter.finish import CLOTHES, GROCERIES

        lists += [CLOTHES, GROCERIES]
    photos = SingleOrSeveral(studio, items, lists, model.preprocessing, plan.seed)
    train_single(model, head, photos)
    save_object_head(head, ObjectHeadSettings(), trained)
