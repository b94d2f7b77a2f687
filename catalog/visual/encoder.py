"""The encoder: images and texts in by batch, unit-length float32 vectors out."""

import os
import threading
from abc import ABC, abstractmethod
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from catalog.visual.encoder_cache import compiled_model
from catalog.visual.errors import EncoderError
from catalog.visual.model_source import checksum_now
from catalog.visual.preprocessing import Preprocessing

__all__ = ["Encoder", "EncoderError", "load_encoder"]


class Encoder(ABC):
    """One vision-language model, ready to use from any number of threads."""

    name: str
    checksum: str
    dimensions: int
    preprocessing: Preprocessing

    def encode_images(self, images: Sequence[Image.Image]) -> np.ndarray:
        """RGB images → float32 of shape (n, dimensions), each row of unit length."""
        if not images:
            return np.empty((0, self.dimensions), np.float32)
        return self.encode_pixels(self.preprocessing.batch(images))

    @abstractmethod
    def encode_pixels(self, pixels: np.ndarray) -> np.ndarray:
        """uint8 of shape (n, height, width, 3), as `preprocessing` makes it → as above."""

    @abstractmethod
    def encode_texts(self, texts: Sequence[str]) -> np.ndarray:
        """Texts, cut to the model's context → float32 of shape (n, dimensions), unit length."""


class OpenVinoEncoder(Encoder):
    """On CPU: compiled towers, no torch. A request object belongs to one thread."""

    def __init__(self, name: str, cache: Path, threads: int = 0, checksum: str = "") -> None:
        import openvino
        from tokenizers import Tokenizer

        model = compiled_model(name, cache, checksum)
        self.name, self.checksum = model.name, model.checksum
        self.dimensions, self.preprocessing = model.dimensions, model.preprocessing
        options: dict[str, Any] = {
            "PERFORMANCE_HINT": "LATENCY",
            "INFERENCE_PRECISION_HINT": "f32",  # the same numbers on every machine
        }
        if threads:
            options["INFERENCE_NUM_THREADS"] = threads
        core = openvino.Core()
        self._image = core.compile_model(model.folder / "image.xml", "CPU", options)
        self._text = core.compile_model(model.folder / "text.xml", "CPU", options)
        self._tokenizer = Tokenizer.from_file(str(model.folder / "tokenizer.json"))
        self._of_thread = threading.local()

    def encode_pixels(self, pixels: np.ndarray) -> np.ndarray:
        return self._infer("image", self._image, pixels)

    def encode_texts(self, texts: Sequence[str]) -> np.ndarray:
        if not texts:
            return np.empty((0, self.dimensions), np.float32)
        from catalog.visual.tokenizer_export import clean_text

        cleaned = [clean_text(text) for text in texts]
        tokens = [encoding.ids for encoding in self._tokenizer.encode_batch(cleaned)]
        return self._infer("text", self._text, np.asarray(tokens, np.int64))

    def _infer(self, tower: str, compiled: Any, inputs: np.ndarray) -> np.ndarray:
        request = getattr(self._of_thread, tower, None)
        if request is None:
            request = compiled.create_infer_request()
            setattr(self._of_thread, tower, request)
        request.infer({0: inputs}, share_inputs=True)
        return request.get_output_tensor(0).data.copy()


class TorchEncoder(Encoder):
    """On CUDA (or wherever torch is told to run): the same towers, uncompiled."""

    def __init__(self, name: str, device: str = "cuda") -> None:
        from catalog.visual.open_clip_model import load_open_clip

        model = load_open_clip(name)
        self.name, self.checksum = model.name, model.checksum
        self.dimensions, self.preprocessing = model.dimensions, model.preprocessing
        self._device = device
        self._image = model.image_tower.to(device)
        self._text = model.text_tower.to(device)
        self._tokenizer = model.tokenizer
        self._lock = threading.Lock()

    def encode_pixels(self, pixels: np.ndarray) -> np.ndarray:
        import torch

        return self._run(self._image, torch.from_numpy(np.ascontiguousarray(pixels)))

    def encode_texts(self, texts: Sequence[str]) -> np.ndarray:
        if not texts:
            return np.empty((0, self.dimensions), np.float32)
        return self._run(self._text, self._tokenizer(list(texts)))

    def _run(self, tower: Any, inputs: Any) -> np.ndarray:
        import torch

        with self._lock, torch.inference_mode():
            return tower(inputs.to(self._device)).float().cpu().numpy()


_loaded: dict[tuple[int, str, str], Encoder] = {}
_loading = threading.Lock()


def load_encoder(
    name: str, cache: Path, device: str = "auto", threads: int = 0, checksum: str = ""
) -> Encoder:
    """The encoder of that name as it is now, or, with a `checksum`, as it was then: a compiled
    model is kept when its weights change. Loaded once per process; a forked child loads its own,
    because neither threads nor a CUDA context survive a fork. `device`: auto, cpu or cuda. Raises
    EncoderError."""
    key = (os.getpid(), name, checksum or checksum_now(name))
    with _loading:
        if key not in _loaded:
            if _use_cuda(device):
                _loaded[key] = TorchEncoder(name)
            else:
                _loaded[key] = OpenVinoEncoder(name, cache, threads, checksum)
        return _loaded[key]


def _use_cuda(device: str) -> bool:
    if device == "auto":
        if not Path("/dev/nvidiactl").exists():
            return False  # without importing torch
        import torch

        return torch.cuda.is_available()
    return device == "cuda"
