"""The whole offline training of an encoder, stage by stage. Each stage leaves its result in the
work folder and is passed over when it is there already, so that a run that was cut off goes on."""

import hashlib
import json
import shutil
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import torch

from catalog.detection.object_head import save_object_head
from catalog.visual.encoder import ObjectHeadSettings
from indexing.training.checkpoints import NAME as CHECKPOINT
from indexing.training.distributed import TrainingFailed, run_on_processes
from indexing.training.model_folder import read_config, write_copy, write_model
from indexing.training.network import loaded
from indexing.training.object_training import Scenes, train_object_head
from indexing.training.pairs import read_items
from indexing.training.pictures.shopper_photos import ShopperPhotos, read_backgrounds
from indexing.training.trainer import Plan

IMAGENET = "imagenet"  # instead of the name of an encoder: the starter's own beginning


@dataclass(frozen=True)
class Recipe:
    """`source`: IMAGENET or the name of an encoder to go on from; `plan.start` is set here."""

    source: str
    plan: Plan
    processes: int
    object_steps: int


def train_encoder(recipe: Recipe, work: Path, output: Path) -> None:
    """Trains and writes an open_clip folder to `output`. `work` keeps checkpoints and curves.

    Raises TrainingFailed, ValueError or PhotosError for a catalogue or lists that cannot be used,
    EncoderError for a source that cannot be loaded, ModuleNotFoundError without the packages of
    requirements-train.txt.
    """
    work.mkdir(parents=True, exist_ok=True)
    _forget_other(recipe, work)
    plan = replace(recipe.plan, start=str(work / "start"))
    if not (work / "start").exists():
        _begin(recipe, work)
    plan.write(work / "plan.json")
    run_on_processes(recipe.processes, "indexing.training.trainer", [str(work)])
    trained = work / "trained"
    if not (trained / "done").exists():
        _pack(plan, work / CHECKPOINT, trained)
        _find_objects(recipe, trained)
        (trained / "done").touch()
    output.mkdir(parents=True, exist_ok=True)
    for file in sorted(trained.iterdir()):
        if file.suffix in {".json", ".safetensors"}:
            shutil.copyfile(file, output / file.name)


def _forget_other(recipe: Recipe, work: Path) -> None:
    """What another recipe left in the work folder is of no use to this one."""
    described = json.dumps(
        {**asdict(recipe), "processes": None}, sort_keys=True, default=str
    ).encode()
    mark, key = work / "recipe", hashlib.sha256(described).hexdigest()
    if not mark.exists() or mark.read_text() != key:
        for name in ("start", "trained"):
            shutil.rmtree(work / name, ignore_errors=True)
        (work / CHECKPOINT).unlink(missing_ok=True)
        mark.write_text(key)


def _begin(recipe: Recipe, work: Path) -> None:
    part = work / "start.part"
    shutil.rmtree(part, ignore_errors=True)
    if recipe.source == IMAGENET:
        from indexing.training.starter.make import make_start

        make_start(part, Path(recipe.plan.catalog), recipe.plan.seed)
    else:
        write_copy(recipe.source, part)
    part.rename(work / "start")


def _pack(plan: Plan, checkpoint: Path, output: Path) -> None:
    """The start with the image tower of the checkpoint."""
    state = torch.load(checkpoint, map_location="cpu", weights_only=True)
    if state["step"] < plan.steps:
        raise TrainingFailed(f"Training stopped at step {state['step']} of {plan.steps}.")
    model = loaded(Path(plan.start)).image_tower.model
    model.visual.load_state_dict(state["visual"])
    write_model(model, read_config(Path(plan.start)), output)


def _find_objects(recipe: Recipe, trained: Path) -> None:
    """An object head, for towers that can carry one."""
    model = loaded(trained)
    trunk = getattr(model.image_tower.model.visual, "trunk", None)
    if not recipe.object_steps or not hasattr(trunk, "conv_stem"):
        return
    studio = ShopperPhotos.of(read_items(Path(recipe.plan.catalog)), read_backgrounds())
    lists = [Path(path) for path in recipe.plan.pairs]
    scenes = Scenes(studio, lists, model.preprocessing, recipe.plan.seed)
    head = train_object_head(model, scenes, recipe.object_steps)
    save_object_head(head, ObjectHeadSettings(), trained)
