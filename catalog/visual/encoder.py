"""The encoder: images and texts in by batch, unit-length float32 vectors out."""

import os
import threading
from abc import ABC, abstractmethod
from collections import defaultdict, deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from PIL import Image

from catalog.detection.objects import ObjectSettings
from catalog.visual.encoder_cache import compiled_model
from catalog.visual.errors import EncoderError
from catalog.visual.model_source import checksum_now
from catalog.visual.preprocessing import Preprocessing
from catalog.visual.shared_batches import SharedBatches

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
    share = True  # what threads ask for at the same time is computed together; off to compare

    def encode_images(self, images: Sequence[Image.Image]) -> np.ndarray:
        """RGB images → float32 of shape (n, dimensions), each row of unit length."""
        if not images:
            return np.empty((0, self.dimensions), np.float32)
        return self.encode_pixels(self.preprocessing.batch(images))

    @abstractmethod
    def encode_pixels(self, pixels: np.ndarray) -> np.ndarray:
        """uint8 of shape (n, height, width, 3), as `preprocessing` makes it → as above."""

    def encode_batch(self, pixels: np.ndarray) -> np.ndarray:
        """The same, as one batch on all that there is to compute with, whatever else goes on."""
        return self.encode_pixels(pixels)

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
    """On CPU: compiled towers, no torch. A request object is one caller's at a time.

    Each tower for images is compiled twice. A thread to each photo is the least work in all:
    photos, of one query or of several at the same time, wait for each other in OpenVINO's queue and
    for nothing else. But those of a lone query that would leave threads idle in the end are
    answered soonest as one batch by all threads, as is everything with `share` off."""

    def __init__(self, name: str, cache: Path, threads: int = 0, checksum: str = "") -> None:
        from tokenizers import Tokenizer

        model = compiled_model(name, cache, checksum)
        self.name, self.checksum = model.name, model.checksum
        self.dimensions, self.preprocessing = model.dimensions, model.preprocessing
        self.objects = model.objects
        options: dict[str, Any] = {"PERFORMANCE_HINT": "LATENCY"}
        if threads:
            options["INFERENCE_NUM_THREADS"] = threads
        self._folder, self._options = model.folder, options
        self._compiled: dict[tuple[str, bool], Any] = {}
        self._compiling = threading.Lock()
        self._asking, self._counting = 0, threading.Lock()
        self._idle: defaultdict[tuple[str, bool], list[Any]] = defaultdict(list)
        self._lending = threading.Lock()
        self._tokenizer = Tokenizer.from_file(str(model.folder / "tokenizer.json"))
        self._threads = self._tower("image").get_property("INFERENCE_NUM_THREADS")
        self._tower("text")

    def _tower(self, name: str, streams: bool = False) -> Any:
        """The compiled tower of that name, with a stream to each thread or all threads in one; made
        when it is first asked for, as not everybody needs each."""
        with self._compiling:
            if (name, streams) not in self._compiled:
                import openvino

                options = {"INFERENCE_PRECISION_HINT": "f32", **self._options}  # everywhere alike
                if streams:
                    options |= {"NUM_STREAMS": self._threads}
                path = self._folder / f"{name}.xml"
                self._compiled[name, streams] = openvino.Core().compile_model(path, "CPU", options)
            return self._compiled[name, streams]

    def encode_pixels(self, pixels: np.ndarray) -> np.ndarray:
        return self._infer("image", pixels)[0]

    def encode_batch(self, pixels: np.ndarray) -> np.ndarray:
        return self._run("image", pixels)[0]

    def look(self, pixels: np.ndarray) -> Look:
        return (
            super().look(pixels) if self.objects is None else Look(*self._infer("objects", pixels))
        )

    def encode_ahead(
        self, items: Iterable[tuple[Key, np.ndarray]]
    ) -> Iterator[tuple[Key, np.ndarray]]:
        compiled = self._tower("image", streams=True)
        idle = [compiled.create_infer_request() for _ in range(max(AHEAD, 4 * self._threads))]
        busy: deque[tuple[Key, np.ndarray, Any]] = deque()  # pixels are shared: kept until done
        try:
            for key, pixels in items:
                request = idle.pop()
                request.start_async({0: pixels[None]}, share_inputs=True)
                busy.append((key, pixels, request))
                if not idle:
                    key, _, request = busy.popleft()
                    yield key, _outputs(request)[0][0]
                    idle.append(request)
            while busy:
                key, _, request = busy.popleft()
                yield key, _outputs(request)[0][0]
        finally:
            for _, _, request in busy:
                request.wait()

    def encode_texts(self, texts: Sequence[str]) -> np.ndarray:
        if not texts:
            return np.empty((0, self.dimensions), np.float32)
        from catalog.visual.tokenizer_export import clean_text

        cleaned = [clean_text(text) for text in texts]
        tokens = [encoding.ids for encoding in self._tokenizer.encode_batch(cleaned)]
        return self._run("text", np.asarray(tokens, np.int64))[0]

    def _infer(self, tower: str, pixels: np.ndarray) -> list[np.ndarray]:
        with self._counting:
            self._asking += 1
            alone = self._asking == 1
        try:
            if self.share and self._threads > 1 and not (alone and len(pixels) % self._threads):
                return self._run_each(tower, pixels)
            return self._run(tower, pixels)
        finally:
            with self._counting:
                self._asking -= 1

    def _run(self, tower: str, inputs: np.ndarray) -> list[np.ndarray]:
        """One batch, all threads."""
        with self._requests(tower, 1, streams=False) as (request,):
            request.infer({0: inputs}, share_inputs=True)
            return _outputs(request)

    def _run_each(self, tower: str, pixels: np.ndarray) -> list[np.ndarray]:
        """Each photo on a thread of its own, among those of everybody else."""
        with self._requests(tower, len(pixels), streams=True) as requests:
            for request, photo in zip(requests, pixels, strict=True):
                request.start_async({0: photo[None]}, share_inputs=True)
            outputs = [_outputs(request) for request in requests]
        return [np.concatenate(parts) for parts in zip(*outputs, strict=True)]

    @contextmanager
    def _requests(self, tower: str, count: int, streams: bool) -> Iterator[list[Any]]:
        """Requests for this caller alone, afterwards for the next one: each keeps some megabytes,
        so that there are no more of them than are used at the same time. An error in the block may
        leave them busy, so they are dropped."""
        idle = self._idle[tower, streams]
        with self._lending:
            taken = [idle.pop() for _ in range(min(count, len(idle)))]
        compiled = self._tower(tower, streams)
        taken += [compiled.create_infer_request() for _ in range(count - len(taken))]
        yield taken
        with self._lending:
            idle.extend(taken)


def _outputs(request: Any) -> list[np.ndarray]:
    request.wait()
    return [tensor.data.copy() for tensor in request.output_tensors]


class TorchEncoder(Encoder):
    """On CUDA (or wherever torch is told to run): the same towers, uncompiled. What several threads
    ask of a tower at the same time is one batch."""

    def __init__(self, name: str, device: str = "cuda") -> None:
        from catalog.visual.open_clip_model import load_open_clip

        model = load_open_clip(name)
        self.name, self.checksum = model.name, model.checksum
        self.dimensions, self.preprocessing = model.dimensions, model.preprocessing
        self.objects = model.objects
        self._device = device
        self._tokenizer = model.tokenizer
        towers: dict[str, Any] = {"image": model.image_tower, "text": model.text_tower}
        if model.object_tower:
            towers["objects"] = model.object_tower
        self._towers = {
            name: SharedBatches(partial(self._run, tower.to(device)))
            for name, tower in towers.items()
        }

    def encode_pixels(self, pixels: np.ndarray) -> np.ndarray:
        return self._ask("image", pixels)[0]

    def look(self, pixels: np.ndarray) -> Look:
        return super().look(pixels) if self.objects is None else Look(*self._ask("objects", pixels))

    def encode_texts(self, texts: Sequence[str]) -> np.ndarray:
        if not texts:
            return np.empty((0, self.dimensions), np.float32)
        return self._ask("text", self._tokenizer(list(texts)).numpy())[0]

    def _ask(self, tower: str, inputs: np.ndarray) -> list[np.ndarray]:
        batches = self._towers[tower]
        return batches.run(inputs) if self.share else batches.work(inputs)

    def _run(self, tower: Any, inputs: np.ndarray) -> list[np.ndarray]:
        """The outputs of a tower."""
        import torch

        with torch.inference_mode():
            given = tower(torch.from_numpy(np.ascontiguousarray(inputs)).to(self._device))
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
