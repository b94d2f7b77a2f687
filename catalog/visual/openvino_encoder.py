"""Encoders on CPU, with OpenVINO."""

import threading
from collections import defaultdict, deque
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from catalog.visual.encoder import Encoder, Key, ObjectHeadOutput
from catalog.visual.encoder_cache import load_compiled_model

MIN_REQUESTS_AHEAD = 32  # photos that `encode_ahead` encodes at the same time, at least


class OpenVinoEncoder(Encoder):
    """Runs compiled towers on CPU, without torch.

    Each image tower is compiled twice. The first uses one thread for each photo, which is the least
    work in total: the photos of concurrent queries share OpenVINO's queue. The second runs one
    batch on all threads. It serves a query that is alone and whose photos would leave threads idle,
    and all queries if `share` is off."""

    def __init__(self, name: str, cache: Path, threads: int = 0, checksum: str = "") -> None:
        from tokenizers import Tokenizer

        model = load_compiled_model(name, cache, checksum)
        self.name, self.checksum = model.name, model.checksum
        self.dimensions, self.preprocessing = model.dimensions, model.preprocessing
        self.object_head = model.object_head
        options: dict[str, Any] = {"PERFORMANCE_HINT": "LATENCY"}
        if threads:
            options["INFERENCE_NUM_THREADS"] = threads
        self._folder, self._options = model.folder, options
        self._compiled: dict[tuple[str, bool], Any] = {}
        self._compiling = threading.Lock()
        self._callers, self._counting = 0, threading.Lock()
        self._idle: defaultdict[tuple[str, bool], list[Any]] = defaultdict(list)
        self._lending = threading.Lock()
        self._tokenizer = Tokenizer.from_file(str(model.folder / "tokenizer.json"))
        self._threads = self._tower("image").get_property("INFERENCE_NUM_THREADS")
        self._tower("text")

    def _tower(self, name: str, streams: bool = False) -> Any:
        """Returns the compiled tower of that name: with a stream for each thread if `streams`, else
        with one stream of all threads. The first use compiles it."""
        with self._compiling:
            if (name, streams) not in self._compiled:
                import openvino

                # The same precision on every processor gives the same vectors.
                options = {"INFERENCE_PRECISION_HINT": "f32", **self._options}
                if streams:
                    options |= {"NUM_STREAMS": self._threads}
                path = self._folder / f"{name}.xml"
                self._compiled[name, streams] = openvino.Core().compile_model(path, "CPU", options)
            return self._compiled[name, streams]

    def encode_pixels(self, pixels: np.ndarray) -> np.ndarray:
        return self._infer("image", pixels)[0]

    def encode_batch(self, pixels: np.ndarray) -> np.ndarray:
        return self._run("image", pixels)[0]

    def run_object_head(self, pixels: np.ndarray) -> ObjectHeadOutput:
        if self.object_head is None:
            return super().run_object_head(pixels)
        return ObjectHeadOutput(*self._infer("objects", pixels))

    def encode_ahead(
        self, items: Iterable[tuple[Key, np.ndarray]]
    ) -> Iterator[tuple[Key, np.ndarray]]:
        compiled = self._tower("image", streams=True)
        idle = [
            compiled.create_infer_request()
            for _ in range(max(MIN_REQUESTS_AHEAD, 4 * self._threads))
        ]
        busy: deque[tuple[Key, np.ndarray, Any]] = deque()  # with its pixels, which OpenVINO reads
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
            self._callers += 1
            alone = self._callers == 1
        try:
            if self.share and self._threads > 1 and not (alone and len(pixels) % self._threads):
                return self._run_each(tower, pixels)
            return self._run(tower, pixels)
        finally:
            with self._counting:
                self._callers -= 1

    def _run(self, tower: str, inputs: np.ndarray) -> list[np.ndarray]:
        """Runs the inputs as one batch on all threads."""
        with self._requests(tower, 1, streams=False) as (request,):
            request.infer({0: inputs}, share_inputs=True)
            return _outputs(request)

    def _run_each(self, tower: str, pixels: np.ndarray) -> list[np.ndarray]:
        """Runs each photo on one thread, beside the photos of other callers."""
        with self._requests(tower, len(pixels), streams=True) as requests:
            for request, photo in zip(requests, pixels, strict=True):
                request.start_async({0: photo[None]}, share_inputs=True)
            outputs = [_outputs(request) for request in requests]
        return [np.concatenate(parts) for parts in zip(*outputs, strict=True)]

    @contextmanager
    def _requests(self, tower: str, count: int, streams: bool) -> Iterator[list[Any]]:
        """Lends `count` request objects to the caller and takes them back afterwards. A request
        keeps some megabytes, so the pool holds no more of them than were ever in use together. If
        the block fails, the requests may still be busy and are dropped."""
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
