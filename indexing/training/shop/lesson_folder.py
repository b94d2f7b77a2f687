"""The folder of a training: what its files are called, the parameters, progress and losses. The
process that trains and the worker that waits for it both use it."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

CATALOG, CLICKS = "catalog.jsonl", "clicks.jsonl"  # products to train on, and photos of searches
LESSON, PROGRESS, LOG = "lesson.json", "progress", "training.log"
HISTORY = "history.json"  # the losses of each step, up to the last checkpoint
START, TRAINED = "start", "trained"  # the encoder before and after


@dataclass(frozen=True)
class Lesson:
    """The parameters of a training. `source`: the encoder to start from; `steps`: of the image
    tower; `products`: in a step; `size`: of the images, in pixels; `rate`: the learning rate of the
    trunk; `weight`: of the trained weights against those of the start, 0 to 1; `object_steps`: of
    the object head, if there is one."""

    source: str
    steps: int
    products: int = 32
    size: int = 192
    rate: float = 2e-4
    weight: float = 0.75
    object_steps: int = 120

    @classmethod
    def read(cls, folder: Path) -> "Lesson":
        return cls(**json.loads((folder / LESSON).read_text("utf-8")))

    def write(self, folder: Path) -> None:
        (folder / LESSON).write_text(json.dumps(asdict(self)), "utf-8")

    @property
    def all_steps(self) -> int:
        return self.steps + self.object_steps


def write_progress(folder: Path, done: int) -> None:
    """Writes how many steps are done."""
    part = folder / f".{PROGRESS}"
    part.write_text(str(done))
    part.replace(folder / PROGRESS)


def read_progress(folder: Path) -> int:
    """Returns how many steps are done, 0 before the first."""
    path = folder / PROGRESS
    return int(path.read_text()) if path.exists() else 0


def write_history(folder: Path, history: Sequence[Mapping[str, float]]) -> None:
    """Writes a row for each step: `step`, and the losses by name."""
    part = folder / f".{HISTORY}"
    part.write_text(json.dumps(list(history)))
    part.replace(folder / HISTORY)


def read_history(folder: Path) -> list[dict[str, float]]:
    """Returns what `write_history` has written, an empty list before the first checkpoint."""
    path = folder / HISTORY
    return json.loads(path.read_text()) if path.exists() else []


def read_last_line(folder: Path) -> str:
    """Returns the last line of the output of the training."""
    lines = (folder / LOG).read_text("utf-8", "replace").split("\n")
    return next((line.strip() for line in reversed(lines) if line.strip()), "It says nothing.")
