"""Saves and loads the checkpoints from which an interrupted training run resumes."""

import os
from pathlib import Path
from typing import Any

import torch

CHECKPOINT_FILE = "checkpoint.pt"


def save_checkpoint(folder: Path, state: dict[str, Any]) -> None:
    """Replaces the checkpoint of the folder atomically, so the folder always has a complete one."""
    folder.mkdir(parents=True, exist_ok=True)
    part = folder / f".{CHECKPOINT_FILE}.part"
    with part.open("wb") as file:
        torch.save(state, file)
        file.flush()
        os.fsync(file.fileno())
    part.replace(folder / CHECKPOINT_FILE)


def load_checkpoint(folder: Path, plan: dict[str, Any]) -> dict[str, Any] | None:
    """Returns the saved state, or None if there is none or it belongs to another `plan`."""
    path = folder / CHECKPOINT_FILE
    if not path.exists():
        return None
    state: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
    return state if state["plan"] == plan else None
