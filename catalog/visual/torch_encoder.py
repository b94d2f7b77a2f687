"""Encoders on a GPU, through PyTorch."""

import threading
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from functools import partial
from typing import Any

import numpy as np

from catalog.visual.encoder import Encoder, ObjectHeadOutput

MAX_ROWS = 32  # of a batch that several threads share

Work = Callable[[np.ndarray], list[np.ndarray]]
Request = tuple[np.ndarray, Future[list[np.ndarray]]]


class SharedBatches:
    """Runs `work`, which maps rows to outputs with as many rows each. Requests that arrive while a
    batch runs form the next batch. A single request runs at once."""

    def __init__(self, work: Work) -> None:
        self.work = work
        self._waiting: deque[Request] = deque()
        self._working = threading.Lock()

    def run(self, rows: np.ndarray) -> list[np.ndarray]:
        """Returns the outputs for these rows. Raises any exception of `work` for their batch."""
        mine: Future[list[np.ndarray]] = Future()
        self._waiting.append((rows, mine))
        while not mine.done():
            with self._working:
                if not mine.done():
                    self._run_batch(self._next_batch())
        return mine.result()

    def _next_batch(self) -> list[Request]:
        """Takes the oldest requests, at least one."""
        batch = [self._waiting.popleft()]
        size = len(batch[0][0])
        while self._waiting and size + len(self._waiting[0][0]) <= MAX_ROWS:
            batch.append(self._waiting.popleft())
            size += len(batch[-1][0])
        return batch

    def _run_batch(self, batch: list[Request]) -> None:
        try:
            outputs = self.work(np.concatenate([rows for rows, _ in batch]))
            ends = np.cumsum([len(rows) for rows, _ in batch])[:-1]
            parts = zip(*(np.split(output, ends) for output in outputs), strict=True)
            for (_, future), part in zip(batch, parts, strict=True):
                future.set_result(list(part))
        except BaseException as error:
            for _, future in batch:
                future.set_exception(error)


class TorchEncoder(Encoder):
    """Runs the uncompiled towers on CUDA, or on another device of torch. Requests that several
    threads make of a tower at the same time form one batch."""

    def __init__(self, name: str, device: str = "cuda") -> None:
        from catalog.visual.networks.open_clip_model import load_open_clip

        model = load_open_clip(name)
        self.name, self.checksum = model.name, model.checksum
        self.dimensions, self.preprocessing = model.dimensions, model.preprocessing
        self.object_head = model.object_head
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
        return self._run_shared("image", pixels)[0]

    def run_object_head(self, pixels: np.ndarray) -> ObjectHeadOutput:
        if self.object_head is None:
            return super().run_object_head(pixels)
        return ObjectHeadOutput(*self._run_shared("objects", pixels))

    def encode_texts(self, texts: Sequence[str]) -> np.ndarray:
        if not texts:
            return np.empty((0, self.dimensions), np.float32)
        return self._run_shared("text", self._tokenizer(list(texts)).numpy())[0]

    def _run_shared(self, tower: str, inputs: np.ndarray) -> list[np.ndarray]:
        batches = self._towers[tower]
        return batches.run(inputs) if self.share else batches.work(inputs)

    def _run(self, tower: Any, inputs: np.ndarray) -> list[np.ndarray]:
        """Returns the outputs of a tower."""
        import torch

        with torch.inference_mode():
            outputs = tower(torch.from_numpy(np.ascontiguousarray(inputs)).to(self._device))
            outputs = outputs if isinstance(outputs, tuple) else (outputs,)
            return [output.float().cpu().numpy() for output in outputs]
