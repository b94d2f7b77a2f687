"""The encoder: what it gives back, whoever runs it and however many ask at once."""

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import count, islice
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from django.conf import settings
from PIL import Image

from catalog.demo.load import FOLDER
from catalog.imaging.image_decoding import ImageLimits, decode_image
from catalog.index.live_index import encoder_named, encoder_of
from catalog.models import EncoderVersion
from catalog.visual import load_encoder as encoder_module
from catalog.visual.encoder import AHEAD, BATCH, Encoder
from catalog.visual.errors import EncoderError
from catalog.visual.load_encoder import load_encoder
from catalog.visual.model_source import STARTER, folder_checksum
from catalog.visual.pixels import decode_pixels
from catalog.visual.preprocessing import Preprocessing
from catalog.visual.torch_encoder import TorchEncoder

ROOT = Path(__file__).resolve().parents[3]
TEXTS = [
    "armchair",
    "a photo of a chair",
    "кресло-качалка",
    "Women’s “chair”",
    "лампа 🪔, 5 шт.",
    "",
    "x" * 400,
]


@pytest.fixture(scope="module")
def starter() -> Encoder:
    return encoder_named("starter")


@pytest.fixture(scope="module")
def pictures() -> list[Image.Image]:
    paths = sorted((FOLDER / "photos").iterdir())[::5]
    return [decode_image(path.read_bytes()) for path in paths]


def assert_unit_rows(vectors: np.ndarray, count: int, dimensions: int) -> None:
    assert vectors.shape == (count, dimensions)
    assert vectors.dtype == np.float32
    assert np.linalg.norm(vectors, axis=1) == pytest.approx(np.ones(count), abs=1e-5)


def test_images_and_texts_become_unit_vectors_of_one_space(
    starter: Encoder, pictures: list[Image.Image]
) -> None:
    assert_unit_rows(starter.encode_images(pictures), len(pictures), starter.dimensions)
    assert_unit_rows(starter.encode_texts(TEXTS), len(TEXTS), starter.dimensions)


def test_nothing_in_gives_nothing_out(starter: Encoder) -> None:
    assert starter.encode_images([]).shape == (0, starter.dimensions)
    assert starter.encode_texts([]).shape == (0, starter.dimensions)
    assert starter.encode_texts([]).dtype == np.float32


def test_a_batch_keeps_its_order_and_changes_nothing(
    starter: Encoder, pictures: list[Image.Image]
) -> None:
    images = np.concatenate([starter.encode_images([picture]) for picture in pictures])
    texts = np.concatenate([starter.encode_texts([text]) for text in TEXTS])

    assert starter.encode_images(pictures) == pytest.approx(images, abs=1e-5)
    assert starter.encode_texts(TEXTS) == pytest.approx(texts, abs=1e-5)
    assert starter.encode_images(pictures[::-1]) == pytest.approx(images[::-1], abs=1e-5)


def test_a_result_stays_when_the_next_one_is_made(
    starter: Encoder, pictures: list[Image.Image]
) -> None:
    first = starter.encode_images(pictures[:1])
    kept = first.copy()

    starter.encode_images(pictures[1:2])

    assert (first == kept).all()


def test_the_compiled_encoder_agrees_with_torch(
    starter: Encoder, pictures: list[Image.Image]
) -> None:
    uncompiled = TorchEncoder("starter", "cpu")

    images = (starter.encode_images(pictures) * uncompiled.encode_images(pictures)).sum(axis=1)
    texts = (starter.encode_texts(TEXTS) * uncompiled.encode_texts(TEXTS)).sum(axis=1)

    assert images.min() >= 0.999
    assert texts.min() >= 0.999
    assert starter.checksum == uncompiled.checksum == folder_checksum(STARTER)
    assert starter.preprocessing == uncompiled.preprocessing
    assert starter.dimensions == uncompiled.dimensions
    assert_unit_rows(uncompiled.encode_images(pictures[:2]), 2, starter.dimensions)
    assert uncompiled.encode_texts([]).shape == (0, starter.dimensions)


def test_a_photo_decoded_small_is_nearly_the_photo_decoded_whole(
    starter: Encoder, pictures: list[Image.Image]
) -> None:
    paths = sorted((FOLDER / "photos").iterdir())[::5]
    small = [
        decode_pixels(path.read_bytes(), starter.preprocessing, ImageLimits()) for path in paths
    ]

    cosines = (starter.encode_pixels(np.stack(small)) * starter.encode_images(pictures)).sum(axis=1)
    assert cosines.min() >= 0.99


def test_eight_threads_get_the_same_as_one(starter: Encoder, pictures: list[Image.Image]) -> None:
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
    """As an encoder that has no faster manner of its own."""

    class Plain(Encoder):
        dimensions = encoder.dimensions

        def encode_pixels(self, pixels: np.ndarray) -> np.ndarray:
            return encoder.encode_pixels(pixels)

        def encode_texts(self, texts: Sequence[str]) -> np.ndarray:
            return encoder.encode_texts(texts)

    return Plain()


@pytest.mark.parametrize("kind", ["own", "batches"])
@pytest.mark.parametrize("photos", [0, 1, 50])
def test_many_encoded_ahead_are_the_same_in_the_same_order(
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
def test_what_is_encoded_ahead_is_taken_as_it_is_needed(
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
    assert len(taken) <= 100 + max(2 * BATCH, AHEAD, 4 * (os.cpu_count() or 1))


def test_four_threads_encode_ahead_while_others_ask_for_one(
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


def test_a_photo_has_one_vector_however_many_are_asked_for_at_once(
    starter: Encoder, pictures: list[Image.Image]
) -> None:
    pixels = starter.preprocessing.batch(pictures)
    alone = np.concatenate([starter.encode_pixels(one[None]) for one in pixels])
    looked = np.concatenate([starter.look(one[None]).vectors for one in pixels])

    def ask(number: int) -> tuple[np.ndarray, np.ndarray]:
        chosen = pixels[number % len(pixels)][None]
        return starter.encode_pixels(chosen), starter.look(chosen).vectors

    with ThreadPoolExecutor(8) as threads:
        together = list(threads.map(ask, range(32)))

    assert starter.encode_pixels(pixels) == pytest.approx(alone, abs=1e-5)
    assert starter.encode_batch(pixels) == pytest.approx(alone, abs=1e-5)
    for number, (encoded, seen) in enumerate(together):
        assert encoded[0] == pytest.approx(alone[number % len(pixels)], abs=1e-5)
        assert seen[0] == pytest.approx(looked[number % len(pixels)], abs=1e-5)


def test_photos_have_a_core_each_unless_cores_would_be_idle(
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

    # And of two that meet, the second does not take the cores from the first.
    meet = threading.Barrier(2)
    with ThreadPoolExecutor(2) as threads:
        list(threads.map(starter.encode_images, [pictures[:1]] * 2))
    assert sorted(ways[3:]) == [("_run", 1), ("_run_each", 1)]


def test_an_uncompiled_encoder_sees_photos_of_many_threads_in_few_batches(
    pictures: list[Image.Image], monkeypatch: pytest.MonkeyPatch
) -> None:
    encoder = TorchEncoder("starter", "cpu")
    pixels = encoder.preprocessing.batch(pictures[:4])
    alone = [encoder.look(one[None]) for one in pixels]
    run, sizes = encoder._towers["objects"].work, []

    def counted(inputs: np.ndarray) -> list[np.ndarray]:
        sizes.append(len(inputs))
        return run(inputs)

    monkeypatch.setattr(encoder._towers["objects"], "work", counted)
    with ThreadPoolExecutor(8) as threads:
        looks = list(threads.map(lambda n: encoder.look(pixels[n % 4][None]), range(16)))

    assert sum(sizes) == 16
    assert len(sizes) <= 8
    for number, look in enumerate(looks):
        assert look.vectors == pytest.approx(alone[number % 4].vectors, abs=1e-4)
        assert look.candidates == pytest.approx(alone[number % 4].candidates, abs=1e-3)


def test_a_photo_that_cannot_be_decoded_ends_what_was_begun(
    starter: Encoder, pictures: list[Image.Image]
) -> None:
    pixels = starter.preprocessing.pixels(pictures[0])

    def breaks() -> Iterator[tuple[int, np.ndarray]]:
        yield 1, pixels
        raise LookupError("gone")

    with pytest.raises(LookupError, match="gone"):
        list(starter.encode_ahead(breaks()))
    assert len(list(starter.encode_ahead([(1, pixels)]))) == 1


def test_an_encoder_is_loaded_once_however_many_ask(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[str] = []

    class Slow(Encoder):
        def __init__(self, name: str, *how: object) -> None:
            threading.Event().wait(0.02)
            made.append(name)

        def encode_pixels(self, pixels: np.ndarray) -> np.ndarray:
            raise NotImplementedError

        encode_texts = encode_pixels  # type: ignore[assignment]

    monkeypatch.setattr(encoder_module, "_loaded", {})
    monkeypatch.setattr(encoder_module, "OpenVinoEncoder", Slow)

    with ThreadPoolExecutor(8) as threads:
        names = ["one", "other"] * 8
        encoders = list(threads.map(lambda name: load_encoder(name, Path(), "cpu"), names))

    assert sorted(made) == ["one", "other"]
    assert len(set(map(id, encoders))) == 2
    assert encoders[0] is encoders[2] is not encoders[1]


def test_an_encoder_that_failed_is_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(encoder_module, "_loaded", {})

    for _ in range(2):
        with pytest.raises(EncoderError, match="no open_clip_config"):
            load_encoder("local-dir:/nowhere", settings.ENCODER_CACHE, "cpu")


@pytest.mark.django_db
def test_a_version_is_served_by_the_encoder_it_was_made_with(starter: Encoder) -> None:
    version = EncoderVersion(name="starter", checksum=starter.checksum, dimensions=512)

    assert encoder_of(version) is encoder_named("starter")


@pytest.mark.django_db
def test_other_weights_under_the_same_name_are_refused() -> None:
    with pytest.raises(EncoderError, match=r"'starter' has changed.+00000000 then.+index rebuild"):
        encoder_of(EncoderVersion(name="starter", checksum="0" * 64, dimensions=512))


@pytest.mark.parametrize("name", ["local-dir:/nowhere", "local-dir:~/nowhere"])
def test_a_folder_without_a_model_is_told_in_a_sentence(name: str, tmp_path: Path) -> None:
    with pytest.raises(EncoderError, match=r"ENCODER .+ there is no open_clip_config.json in .+\."):
        load_encoder(name, tmp_path / "cache", "cpu")


def test_an_unknown_model_is_told_in_a_sentence_that_names_it(tmp_path: Path) -> None:
    with pytest.raises(EncoderError) as caught:
        load_encoder("ViT-of-dreams/none", tmp_path, "cpu")

    assert "'ViT-of-dreams/none'" in str(caught.value)
    assert "could not be compiled" in str(caught.value)
    assert [path.name for path in tmp_path.iterdir()] == [".lock"]


def test_serving_never_imports_torch(starter: Encoder) -> None:
    # Given the starter encoder compiled already, as above.
    code = (
        "import sys, django; django.setup()\n"
        "from PIL import Image\n"
        "import config.wsgi, config.urls, search.api.views, search.page.views\n"
        "from catalog.index.live_index import encoder_named\n"
        "encoder = encoder_named('starter')\n"
        "assert encoder.encode_images([Image.new('RGB', (9, 9))]).shape == (1, 512)\n"
        "assert encoder.encode_texts(['chair']).shape == (1, 512)\n"
        "print([name for name in ('torch', 'open_clip', 'timm') if name in sys.modules])\n"
    )

    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        env={**os.environ, "DJANGO_SETTINGS_MODULE": "config.settings", "ENCODER_DEVICE": "cpu"},
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "[]"


def test_preprocessing_comes_from_the_models_own_configuration(starter: Encoder) -> None:
    config = json.loads((STARTER / "open_clip_config.json").read_text())["preprocess_cfg"]

    assert starter.preprocessing == Preprocessing.from_config(config)
