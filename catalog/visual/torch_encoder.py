"""Encoders on a GPU, through PyTorch."""

from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np

from catalog.visual.encoder import Encoder, ObjectHeadOutput
from catalog.visual.shared_batches import SharedBatches


class TorchEncoder(Encoder):
    """Runs the uncompiled towers on CUDA, or on another device of torch. Requests that several
    threads make of a tower at the same time form one batch."""

    def __init__(self, name: str, device: str = "cuda") -> None:
        from catalog.visual.open_clip_model import load_open_clip

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
