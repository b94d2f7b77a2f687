"""Finds the models that encoder names stand for, and the checksums of their versions."""

import hashlib
from pathlib import Path

from catalog.visual.errors import EncoderError

STARTER = Path(__file__).resolve().parent.parent / "encoders" / "starter"
LOCAL = "local-dir:"
HUB = "hf-hub:"


def model_name(name: str) -> tuple[str, str | None]:
    """Returns (open_clip model name, pretrained tag or None) of an encoder name: `starter`,
    `local-dir:FOLDER`, `hf-hub:ORG/MODEL`, `MODEL/PRETRAINED` or `MODEL`."""
    if name == "starter":
        return f"{LOCAL}{STARTER}", None
    if name.startswith((LOCAL, HUB)):
        return name, None
    model, _, pretrained = name.partition("/")
    return model, pretrained or None


def local_folder(name: str) -> Path | None:
    """Returns the folder of a model on this machine, or None for a model from a hub. Raises
    EncoderError if the folder holds no model."""
    model, _ = model_name(name)
    if not model.startswith(LOCAL):
        return None
    folder = Path(model.removeprefix(LOCAL)).expanduser()
    if not (folder / "open_clip_config.json").is_file():
        raise EncoderError(f"ENCODER {name!r}: there is no open_clip_config.json in {folder}.")
    return folder


def source_of(name: str) -> str:
    """Returns the origin of a model, for people: its folder, or the hub and its name there."""
    folder = local_folder(name)
    return str(folder) if folder else name if name.startswith(HUB) else f"open_clip: {name}"


def checksum_now(name: str) -> str:
    """Returns the checksum of a model on this machine as it is now. Returns '' for a model from a
    hub, because its checksum is known only after it is loaded."""
    folder = local_folder(name)
    return folder_checksum(folder) if folder else ""


def folder_checksum(folder: Path) -> str:
    """Returns the SHA-256 of the names and contents of a model's files: configuration, tokenizer,
    weights."""
    digest = hashlib.sha256()
    for path in sorted(folder.iterdir()):
        if path.suffix in {".json", ".safetensors", ".bin", ".pt", ".txt", ".model"}:
            digest.update(f"{path.name}\0{path.stat().st_size}\0".encode())
            digest.update(path.read_bytes())
    return digest.hexdigest()
