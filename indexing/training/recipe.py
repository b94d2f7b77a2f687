"""Trains an encoder, stage by stage. Each stage writes its result to the work folder and is skipped
if the result is there. An interrupted run resumes in this way."""

import hashlib
import json
import shutil
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import torch

from catalog.detection.object_head import save_object_head
from catalog.visual.encoder import ObjectHeadSettings
from indexing.training.checkpoints import CHECKPOINT_FILE
from indexing.training.distributed import TrainingFailed, run_on_processes
from indexing.training.model_folder import read_config, write_copy, write_model
from indexing.training.network import load_model
from indexing.training.object_training import Scenes, train_object_head
from indexing.training.pairs import read_items
from indexing.training.pictures.shopper_photos import ShopperPhotos, read_backgrounds
from indexing.training.trainer import Plan

IMAGENET = "imagenet"  # a source in place of an encoder: the start model of the starter encoder


@dataclass(frozen=True)
class Recipe:
    """`source`: IMAGENET, or the name of the encoder to start from. `plan.start` is not used."""

    source: str
    plan: Plan
    processes: int
    object_steps: int


def train_encoder(recipe: Recipe, work: Path, output: Path) -> None:
    """Trains an encoder and writes it to `output`, as an open_clip folder. `work`: the folder for
    checkpoints and curves.

    Raises TrainingFailed; ValueError or PhotosError if the catalogue or the lists cannot be used;
    EncoderError if the source cannot be loaded; ModuleNotFoundError without the packages of
    requirements-train.txt.
    """
    work.mkdir(parents=True, exist_ok=True)
    _discard_other_recipe(recipe, work)
    plan = replace(recipe.plan, start=str(work / "start"))
    if not (work / "start").exists():
        _write_start(recipe, work)
    plan.write(work / "plan.json")
    run_on_processes(recipe.processes, "indexing.training.trainer", [str(work)])
    trained = work / "trained"
    if not (trained / "done").exists():
        _write_trained(plan, work / CHECKPOINT_FILE, trained)
        _add_object_head(recipe, trained)
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


def _write_start(recipe: Recipe, work: Path) -> None:
    part = work / "start.part"
    shutil.rmtree(part, ignore_errors=True)
    if recipe.source == IMAGENET:
        from indexing.training.starter.make import make_start

        make_start(part, Path(recipe.plan.catalog), recipe.plan.seed)
    else:
        write_copy(recipe.source, part)
    part.rename(work / "start")


def _write_trained(plan: Plan, checkpoint: Path, output: Path) -> None:
    """Writes the start model with the image tower of the checkpoint."""
    state = torch.load(checkpoint, map_location="cpu", weights_only=True)
    if state["step"] < plan.steps:
        raise TrainingFailed(f"Training stopped at step {state['step']} of {plan.steps}.")
    model = load_model(Path(plan.start)).image_tower.model
    model.visual.load_state_dict(state["visual"])
    write_model(model, read_config(Path(plan.start)), output)


def _add_object_head(recipe: Recipe, trained: Path) -> None:
    """Trains and adds an object head, if the image tower supports one."""
    model = load_model(trained)
    trunk = getattr(model.image_tower.model.visual, "trunk", None)
    if not recipe.object_steps or not hasattr(trunk, "conv_stem"):
        return
    studio = ShopperPhotos.from_items(read_items(Path(recipe.plan.catalog)), read_backgrounds())
    lists = [Path(path) for path in recipe.plan.pairs]
    scenes = Scenes(studio, lists, model.preprocessing, recipe.plan.seed)
    head = train_object_head(model, scenes, recipe.object_steps)
    save_object_head(head, ObjectHeadSettings(), trained)
