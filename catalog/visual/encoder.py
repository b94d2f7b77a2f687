"""The encoder: images and texts in by batch, unit-length float32 vectors out."""

import os
import threading
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from PIL import Image

from catalog.visual.encoder_cache import compiled_model
from catalog.visual.errors import EncoderError
from catalog.visual.model_source import checksum_now
from catalog.visual.objects import ObjectSettings
from catalog.visual.preprocessing import Preprocessing

__all__ = ["Encoder", "EncoderError", "Look", "load_encoder"]


@dataclass(frozen=True)
class Look:
    """What one pass over n photos gives. `vectors`: float32 (n, dimensions), as of
    `encode_pixels`; `candidates`: float32 (n, cells, 5), each a score and x1, y1, x2, y2 as
    fractions of the encoder's input (see `objects.objects_in`), or None without an object head."""

    vectors: np.ndarray
    candidates: np.ndarray | None


BATCH = 16  # images encoded at once, where nobody says otherwise
AHEAD = 32  # images that `encode_ahead` has in hand on CPU, at least

Key = TypeVar("Key")


class Encoder(ABC):
    """One vision-language model, ready to use from any number of threads."""

    name: str
    checksum: str
    dimensions: int
    preprocessing: Preprocessing
    objects: ObjectSettings | None = None  # of its object head, if it has one

    def encode_images(self, images: Sequence[Image.Image]) -> np.ndarray:
        """RGB images → float32 of shape (n, dimensions), each row of unit length."""
        if not images:
            return np.empty((0, self.dimensions), np.float32)
        return self.encode_pixels(self.preprocessing.batch(images))

    @abstractmethod
    def encode_pixels(self, pixels: np.ndarray) -> np.ndarray:
        """uint8 of shape (n, height, width, 3), as `preprocessing` makes it → as above."""

    def look(self, pixels: np.ndarray) -> Look:
        """uint8 as for `encode_pixels` → its vectors, and where things are in each photo."""
        return Look(self.encode_pixels(pixels), None)

    def encode_ahead(
        self, items: Iterable[tuple[Key, np.ndarray]]
    ) -> Iterator[tuple[Key, np.ndarray]]:
        """For many photos, in the fastest manner there is: takes pairs of anything and pixels,
        uint8 (height, width, 3), and gives each thing with its vector (dimensions,), in order, the
        same that `encode_pixels` gives. Encodes the next ones while the taker is at the last."""
        upcoming = iter(items)
        encoded: tuple[list[Key], Future[np.ndarray]] | None = None
        with ThreadPoolExecutor(1, thread_name_prefix="encode") as thread:
            while batch := list(islice(upcoming, BATCH)):
                keys, pixels = [key for key, _ in batch], np.stack([pixels for _, pixels in batch])
                encoding = keys, thread.submit(self.encode_pixels, pixels)
                if encoded is not None:
                    yield from zip(encoded[0], encoded[1].result(), strict=True)
                encoded = encoding
            if encoded is not None:
                yield from zip(encoded[0], encoded[1].result(), strict=True)

    @abstractmethod
    def encode_texts(self, texts: Sequence[str]) -> np.ndarray:
        """Texts, cut to the model's context → float32 of shape (n, dimensions), unit length."""


class OpenVinoEncoder(Encoder):
    """On CPU: compiled towers, no torch. A request object belongs to one thread. The image tower is
    compiled twice: all threads on one batch answer a query soonest, one image to a thread costs the
    least work in all and is what `encode_ahead` does."""

    def __init__(self, name: str, cache: Path, threads: int = 0, checksum: str = "") -> None:
        from tokenizers import Tokenizer

        model = compiled_model(name, cache, checksum)
        self.name, self.checksum = model.name, model.checksum
        self.dimensions, self.preprocessing = model.dimensions, model.preprocessing
        self.objects = model.objects
        options: dict[str, Any] = {"PERFORMANCE_HINT": "LATENCY"}
        if threads:
            options["INFERENCE_NUM_THREADS"] = threads
        self._folder = model.folder
        self._image = self._compile("image", options)
        self._text = self._compile("text", options)
        self._object_options = options
        self._object_tower: Any = None
        self._tokenizer = Tokenizer.from_file(str(model.folder / "tokenizer.json"))
        self._of_thread = threading.local()
        self._streams: Any = None
        self._compiling = threading.Lock()

    def _compile(self, tower: str, options: dict[str, Any]) -> Any:
        import openvino

        precision = {"INFERENCE_PRECISION_HINT": "f32"}  # the same numbers on every machine
        path = self._folder / f"{tower}.xml"
        return openvino.Core().compile_model(path, "CPU", {**precision, **options})

    def encode_pixels(self, pixels: np.ndarray) -> np.ndarray:
        return self._infer("image", self._image, pixels)[0]

    def look(self, pixels: np.ndarray) -> Look:
        if self.objects is None:
            return super().look(pixels)
        with self._compiling:  # at the first look: whoever only embeds does without
            if self._object_tower is None:
                self._object_tower = self._compile("objects", self._object_options)
        return Look(*self._infer("objects", self._object_tower, pixels))

    def encode_ahead(
        self, items: Iterable[tuple[Key, np.ndarray]]
    ) -> Iterator[tuple[Key, np.ndarray]]:
        compiled, threads = self._compiled_for_streams()
        idle = [compiled.create_infer_request() for _ in range(max(AHEAD, 4 * threads))]
        busy: deque[tuple[Key, np.ndarray, Any]] = deque()  # pixels are shared: kept until done
        try:
            for key, pixels in items:
                request = idle.pop()
                request.start_async({0: pixels[None]}, share_inputs=True)
                busy.append((key, pixels, request))
                if not idle:
                    key, _, request = busy.popleft()
                    yield key, _vector(request)
                    idle.append(request)
            while busy:
                key, _, request = busy.popleft()
                yield key, _vector(request)
        finally:
            for _, _, request in busy:
                request.wait()

    def _compiled_for_streams(self) -> tuple[Any, int]:
        """The image tower with a stream to each thread, and how many there are; made when it is
        first asked for, as only the offline side has many photos."""
        with self._compiling:
            if self._streams is None:
                threads = self._image.get_property("INFERENCE_NUM_THREADS")
                options = {"INFERENCE_NUM_THREADS": threads, "NUM_STREAMS": threads}
                self._streams = self._compile("image", options), threads
            return self._streams

    def encode_texts(self, texts: Sequence[str]) -> np.ndarray:
        if not texts:
            return np.empty((0, self.dimensions), np.float32)
        from catalog.visual.tokenizer_export import clean_text

        cleaned = [clean_text(text) for text in texts]
        tokens = [encoding.ids for encoding in self._tokenizer.encode_batch(cleaned)]
        return self._infer("text", self._text, np.asarray(tokens, np.int64))[0]

    def _infer(self, tower: str, compiled: Any, inputs: np.ndarray) -> list[np.ndarray]:
        request = getattr(self._of_thread, tower, None)
        if request is None:
            request = compiled.create_infer_request()
            setattr(self._of_thread, tower, request)
        request.infer({0: inputs}, share_inputs=True)
        return [tensor.data.copy() for tensor in request.output_tensors]


def _vector(request: Any) -> np.ndarray:
    request.wait()
    return request.get_output_tensor(0).data[0].copy()


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
        self.objects = model.objects
        self._object_tower = model.object_tower.to(device) if model.object_tower else None
        self._tokenizer = model.tokenizer
        self._lock = threading.Lock()

    def encode_pixels(self, pixels: np.ndarray) -> np.ndarray:
        import torch

        return self._run(self._image, torch.from_numpy(np.ascontiguousarray(pixels)))[0]

    def look(self, pixels: np.ndarray) -> Look:
        if self._object_tower is None:
            return super().look(pixels)
        import torch

        return Look(*self._run(self._object_tower, torch.from_numpy(np.ascontiguousarray(pixels))))

    def encode_texts(self, texts: Sequence[str]) -> np.ndarray:
        if not texts:
            return np.empty((0, self.dimensions), np.float32)
        return self._run(self._text, self._tokenizer(list(texts)))[0]

    def _run(self, tower: Any, inputs: Any) -> list[np.ndarray]:
        """The outputs of a tower."""
        import torch

        with self._lock, torch.inference_mode():
            given = tower(inputs.to(self._device))
            outputs = given if isinstance(given, tuple) else (given,)
            return [output.float().cpu().numpy() for output in outputs]


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
