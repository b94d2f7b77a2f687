"""Models that OpenVINO compiled, kept on disk by checksum. Processes that use them never import
torch. `python -m catalog.visual.encoder_cache NAME FOLDER PARENT` compiles a model, and ends when
the process PARENT ends."""

import fcntl
import hashlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from catalog.parent_death import die_with_parent
from catalog.visual.encoder import ObjectHeadSettings
from catalog.visual.errors import EncoderError
from catalog.visual.model_source import folder_checksum, local_folder
from catalog.visual.preprocessing import Preprocessing

if TYPE_CHECKING:
    from catalog.visual.networks.open_clip_model import OpenClipModel

_FORMAT = 2  # raise when the layout of a compiled model changes
_UNFINISHED = ".compiling-"  # begins the names of folders that are not complete yet


@dataclass(frozen=True)
class CompiledModel:
    """A compiled model on disk: image.xml, text.xml, tokenizer.json and this description. With an
    object head (`object_head` is not None) also objects.xml, which outputs vectors and cells."""

    folder: Path
    name: str
    checksum: str
    dimensions: int
    preprocessing: Preprocessing
    object_head: ObjectHeadSettings | None = None


def load_compiled_model(name: str, cache: Path, checksum: str = "") -> CompiledModel:
    """Returns the compiled model of encoder `name` in the folder `cache`. With a `checksum`,
    returns the kept model of that checksum, if there is one; else the model as it is now. If that
    is not compiled yet, a child process compiles it (half a minute). Raises EncoderError."""
    cache.mkdir(parents=True, exist_ok=True)
    if checksum:
        for kept in cache.glob(f"*-v{_FORMAT}/model.json"):
            if json.loads(kept.read_text())["checksum"] == checksum:
                return _read(kept.parent)
    with _locked(cache):
        folder = _folder(name, cache)
        if not (folder / "model.json").exists():
            _compile_in_child(name, folder)
    return _read(folder)


def copy_compiled_models(origin: Path, cache: Path) -> None:
    """Copies the compiled models of the folder `origin` into the folder `cache`, which keeps those
    that it has."""
    cache.mkdir(parents=True, exist_ok=True)
    with _locked(cache):
        for description in origin.glob("*/model.json"):
            folder = cache / description.parent.name
            if not folder.exists():
                work = Path(tempfile.mkdtemp(prefix=_UNFINISHED, dir=cache))
                shutil.copytree(description.parent, work, dirs_exist_ok=True)
                work.rename(folder)


@contextmanager
def _locked(cache: Path) -> Iterator[None]:
    """Lets one process at a time change the cache: web process and worker may compile at the same
    time. Folders of unfinished models are then leftovers of killed processes."""
    with open(cache / ".lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        for leftover in cache.glob(f"{_UNFINISHED}*"):
            shutil.rmtree(leftover, ignore_errors=True)
        yield


def _read(folder: Path) -> CompiledModel:
    description = json.loads((folder / "model.json").read_text())
    preprocessing = Preprocessing.from_config(description.pop("preprocessing"))
    head = description.pop("objects")
    return CompiledModel(
        folder,
        preprocessing=preprocessing,
        object_head=ObjectHeadSettings(**head) if head else None,
        **description,
    )


def _folder(name: str, cache: Path) -> Path:
    """Returns the folder of a compiled model. It is named by content for a model on this machine,
    and by name for a model from a hub, which is fetched once."""
    local = local_folder(name)
    key = folder_checksum(local) if local else hashlib.sha256(name.encode()).hexdigest()
    readable = re.sub(r"[^A-Za-z0-9.-]+", "-", name.rsplit("/", 1)[-1])[:40]
    return cache / f"{readable}-{key[:16]}-v{_FORMAT}"


def _compile_in_child(name: str, folder: Path) -> None:
    """Compiles a model in a child process, which frees torch's memory when it ends."""
    process = subprocess.run(
        [sys.executable, "-m", "catalog.visual.encoder_cache", name, str(folder), str(os.getpid())],
        cwd=Path(__file__).resolve().parents[2],
        capture_output=True,
        text=True,
        check=False,
    )
    if process.returncode:
        reason = process.stderr.strip().splitlines() or [f"exit status {process.returncode}"]
        raise EncoderError(f"The encoder {name!r} could not be compiled: {reason[-1]}")


def compile_model(name: str, folder: Path) -> None:
    """Converts encoder `name` and writes it to `folder`, which appears when it is complete."""
    from catalog.visual.networks.open_clip_model import load_open_clip
    from catalog.visual.tokenizer_export import export_tokenizer

    model = load_open_clip(name)
    work = Path(tempfile.mkdtemp(prefix=_UNFINISHED, dir=folder.parent))
    try:
        _convert_towers(model, work)
        export_tokenizer(model.tokenizer).save(str(work / "tokenizer.json"))
        description = {
            "name": name,
            "checksum": model.checksum,
            "dimensions": model.dimensions,
            "preprocessing": model.preprocessing.config(),
            "objects": asdict(model.object_head) if model.object_head else None,
        }
        (work / "model.json").write_text(json.dumps(description, indent=1))
        os.chmod(work, 0o755)
        shutil.rmtree(folder, ignore_errors=True)
        work.rename(folder)
    finally:
        shutil.rmtree(work, ignore_errors=True)


def _convert_towers(model: "OpenClipModel", work: Path) -> None:
    """Writes each tower of the model to a file of folder `work`, for batches of any size."""
    import openvino
    import torch

    shape = (model.preprocessing.height, model.preprocessing.width, 3)
    tokens = torch.as_tensor(model.tokenizer(["a photo of a chair", "lamp"]))
    pixels = torch.zeros((2, *shape), dtype=torch.uint8)
    towers = [
        ("image.xml", model.image_tower, pixels, [-1, *shape]),
        ("text.xml", model.text_tower, tokens, [-1, tokens.shape[1]]),
    ]
    if model.object_tower is not None:
        towers.append(("objects.xml", model.object_tower, pixels, [-1, *shape]))
    for file, tower, example, sizes in towers:
        converted = openvino.convert_model(tower, example_input=example, input=[sizes])
        openvino.save_model(converted, work / file, compress_to_fp16=False)


if __name__ == "__main__":
    die_with_parent(int(sys.argv[3]), signal.SIGKILL)
    try:
        compile_model(sys.argv[1], Path(sys.argv[2]))
    except EncoderError as error:
        sys.exit(str(error))
