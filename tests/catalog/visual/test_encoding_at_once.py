"""Photos encoded ahead, or by many threads at once, get the same vectors as one at a time."""

import os
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import count, islice
from typing import Any

import numpy as np
import pytest
from PIL import Image

from catalog.visual.encoder import BATCH_SIZE, Encoder
from catalog.visual.openvino_encoder import MIN_REQUESTS_AHEAD
from catalog.visual.torch_encoder import TorchEncoder
from tests.catalog.visual.conftest import TEXTS


def test_eight_threads_get_the_same_vectors_as_one(
    starter: Encoder, pictures: list[Image.Image]
) -> None:
    images = [starter.encode_images([picture])[0] for picture in pictures]
    texts = [starter.encode_texts([text])[0] for text in TEXTS]
    together = threading.Barrier(8)

    def work(number: int) -> None:
        together.wait()
        for turn in range(6):
            i, j = (number + turn) % len(pictures), (number + turn) % len(TEXTS)
            assert starter.encode_images([pictures[i]])[0] == pytest.approx(images[i], abs=1e-5)
            assert starter.encode_texts([TEXTS[j]])[0] == pytest.approx(texts[j], abs=1e-5)

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(work, range(8)))


def with_batches_only(encoder: Encoder) -> Encoder:
    """An encoder with the base class's `encode_ahead`."""

    class Plain(Encoder):
        dimensions = encoder.dimensions

        def encode_pixels(self, pixels: np.ndarray) -> np.ndarray:
            return encoder.encode_pixels(pixels)

        def encode_texts(self, texts: Sequence[str]) -> np.ndarray:
            return encoder.encode_texts(texts)

    return Plain()


@pytest.mark.parametrize("kind", ["own", "batches"])
@pytest.mark.parametrize("photos", [0, 1, 50])
def test_photos_encoded_ahead_have_the_same_vectors_in_order(
    kind: str, photos: int, starter: Encoder, pictures: list[Image.Image]
) -> None:
    encoder = starter if kind == "own" else with_batches_only(starter)
    alone = starter.encode_images(pictures)
    pixels = starter.preprocessing.batch(pictures)

    given = ((f"photo {n}", pixels[n % len(pixels)]) for n in range(photos))
    ahead = list(encoder.encode_ahead(given))

    assert [key for key, _ in ahead] == [f"photo {n}" for n in range(photos)]
    for n, (_, vector) in enumerate(ahead):
        assert vector == pytest.approx(alone[n % len(alone)], abs=1e-5)


@pytest.mark.parametrize("kind", ["own", "batches"])
def test_encode_ahead_reads_photos_only_as_needed(
    kind: str, starter: Encoder, pictures: list[Image.Image]
) -> None:
    encoder = starter if kind == "own" else with_batches_only(starter)
    pixels = starter.preprocessing.pixels(pictures[0])
    taken: list[int] = []

    def endless() -> Iterator[tuple[int, np.ndarray]]:
        for number in count():
            taken.append(number)
            yield number, pixels

    vectors = encoder.encode_ahead(endless())
    keys = [key for key, _ in islice(vectors, 100)]
    vectors.close()  # type: ignore[attr-defined]

    assert keys == list(range(100))
    assert len(taken) <= 100 + max(2 * BATCH_SIZE, MIN_REQUESTS_AHEAD, 4 * (os.cpu_count() or 1))


def test_threads_encode_ahead_while_others_encode_single_photos(
    starter: Encoder, pictures: list[Image.Image]
) -> None:
    alone = starter.encode_images(pictures)
    pixels = starter.preprocessing.batch(pictures)

    def many(_: int) -> np.ndarray:
        return np.stack([vector for _, vector in starter.encode_ahead(enumerate(pixels))])

    with ThreadPoolExecutor(8) as threads:
        ahead = [threads.submit(many, n) for n in range(4)]
        single = [threads.submit(starter.encode_pixels, pixels[:1]) for _ in range(8)]

    for vectors in ahead:
        assert vectors.result() == pytest.approx(alone, abs=1e-5)
    for vector in single:
        assert vector.result() == pytest.approx(alone[:1], abs=1e-5)


def test_a_vector_does_not_depend_on_concurrent_requests(
    starter: Encoder, pictures: list[Image.Image]
) -> None:
    pixels = starter.preprocessing.batch(pictures)
    alone = np.concatenate([starter.encode_pixels(one[None]) for one in pixels])
    by_head = np.concatenate([starter.run_object_head(one[None]).vectors for one in pixels])

    def ask(number: int) -> tuple[np.ndarray, np.ndarray]:
        chosen = pixels[number % len(pixels)][None]
        return starter.encode_pixels(chosen), starter.run_object_head(chosen).vectors

    with ThreadPoolExecutor(8) as threads:
        together = list(threads.map(ask, range(32)))

    assert starter.encode_pixels(pixels) == pytest.approx(alone, abs=1e-5)
    assert starter.encode_batch(pixels) == pytest.approx(alone, abs=1e-5)
    for number, (encoded, with_objects) in enumerate(together):
        assert encoded[0] == pytest.approx(alone[number % len(pixels)], abs=1e-5)
        assert with_objects[0] == pytest.approx(by_head[number % len(pixels)], abs=1e-5)


def test_each_photo_uses_one_core_unless_cores_would_be_idle(
    starter: Any, pictures: list[Image.Image], monkeypatch: pytest.MonkeyPatch
) -> None:
    cores = starter._threads
    if cores == 1:
        pytest.skip("one core")
    ways: list[tuple[str, int]] = []
    meet = threading.Barrier(1)

    def note(name: str) -> None:
        run = getattr(starter, name)

        def way(tower: str, pixels: np.ndarray) -> list[np.ndarray]:
            ways.append((name, len(pixels)))
            meet.wait(30)
            return run(tower, pixels)

        monkeypatch.setattr(starter, name, way)

    note("_run")
    note("_run_each")
    for number in (1, cores, cores + 1):
        starter.encode_images(pictures[:1] * number)
    assert ways == [("_run", 1), ("_run_each", cores), ("_run", cores + 1)]

    # Of two concurrent calls, the second does not take the cores of the first.
    meet = threading.Barrier(2)
    with ThreadPoolExecutor(2) as threads:
        list(threads.map(starter.encode_images, [pictures[:1]] * 2))
    assert sorted(ways[3:]) == [("_run", 1), ("_run_each", 1)]


def test_an_uncompiled_encoder_batches_photos_of_many_threads(
    pictures: list[Image.Image], monkeypatch: pytest.MonkeyPatch
) -> None:
    encoder = TorchEncoder("starter", "cpu")
    pixels = encoder.preprocessing.batch(pictures[:4])
    alone = [encoder.run_object_head(one[None]) for one in pixels]
    run, sizes = encoder._towers["objects"].work, []

    def counted(inputs: np.ndarray) -> list[np.ndarray]:
        sizes.append(len(inputs))
        return run(inputs)

    monkeypatch.setattr(encoder._towers["objects"], "work", counted)
    with ThreadPoolExecutor(8) as threads:
        outputs = list(
            threads.map(lambda n: encoder.run_object_head(pixels[n % 4][None]), range(16))
        )

    assert sum(sizes) == 16
    assert len(sizes) <= 8
    for number, output in enumerate(outputs):
        assert output.vectors == pytest.approx(alone[number % 4].vectors, abs=1e-4)
        assert output.cells == pytest.approx(alone[number % 4].cells, abs=1e-3)


def test_a_photo_that_cannot_be_decoded_ends_encode_ahead(
    starter: Encoder, pictures: list[Image.Image]
) -> None:
    pixels = starter.preprocessing.pixels(pictures[0])

    def breaks() -> Iterator[tuple[int, np.ndarray]]:
        yield 1, pixels
        raise LookupError("gone")

    with pytest.raises(LookupError, match="gone"):
        list(starter.encode_ahead(breaks()))
    assert len(list(starter.encode_ahead([(1, pixels)]))) == 1
