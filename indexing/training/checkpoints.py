"""Training that may be cut off at any moment and goes on where it was."""

import os
from pathlib import Path
from typing import Any

import torch

NAME = "checkpoint.pt"


def save_checkpoint(folder: Path, state: dict[str, Any]) -> None:
    """Written beside the old one and put in its place, so that there is always a whole one."""
    folder.mkdir(parents=True, exist_ok=True)
    part = folder / f".{NAME}.part"
    with part.open("wb") as file:
        torch.save(state, file)
        file.flush()
        os.fsync(file.fileno())
    part.replace(folder / NAME)


def load_checkpoint(folder: Path, plan: dict[str, Any]) -> dict[str, Any] | None:
    """The state that was saved under the same `plan`, or None: another plan begins anew."""
    path = folder / NAME
    if not path.exists():
        return None
    state: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
    return state if state["plan"] == plan else None
