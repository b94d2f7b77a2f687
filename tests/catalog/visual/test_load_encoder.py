"""Encoders are loaded once, by name and checksum, and a failure is a sentence."""

import os
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from django.conf import settings

from catalog.index.live_index import encoder_named, encoder_of
from catalog.models import EncoderVersion
from catalog.visual import load_encoder as encoder_module
from catalog.visual.encoder import Encoder
from catalog.visual.errors import EncoderError
from catalog.visual.load_encoder import load_encoder

ROOT = Path(__file__).resolve().parents[3]


def test_concurrent_callers_load_an_encoder_once(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[str] = []

    class Slow(Encoder):
        def __init__(self, name: str, *how: object) -> None:
            threading.Event().wait(0.02)
            made.append(name)

        def encode_pixels(self, pixels: np.ndarray) -> np.ndarray:
            raise NotImplementedError

        encode_texts = encode_pixels  # type: ignore[assignment]

    monkeypatch.setattr(encoder_module, "OpenVinoEncoder", Slow)

    with ThreadPoolExecutor(8) as threads:
        names = ["one", "other"] * 8
        encoders = list(threads.map(lambda name: load_encoder(name, Path(), "cpu"), names))

    assert sorted(made) == ["one", "other"]
    assert len(set(map(id, encoders))) == 2
    assert encoders[0] is encoders[2] is not encoders[1]


def test_loading_is_tried_again_after_a_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    for _ in range(2):
        with pytest.raises(EncoderError, match="no open_clip_config"):
            load_encoder("local-dir:/nowhere", settings.ENCODER_CACHE, "cpu")


@pytest.mark.django_db
def test_a_registered_version_opens_its_encoder(starter: Encoder) -> None:
    version = EncoderVersion(name="starter", checksum=starter.checksum, dimensions=512)

    assert encoder_of(version) is encoder_named("starter")


@pytest.mark.django_db
def test_other_weights_under_the_same_name_are_refused() -> None:
    with pytest.raises(EncoderError, match=r"'starter' has changed.+00000000 then.+index rebuild"):
        encoder_of(EncoderVersion(name="starter", checksum="0" * 64, dimensions=512))


@pytest.mark.parametrize("name", ["local-dir:/nowhere", "local-dir:~/nowhere"])
def test_a_folder_without_a_model_raises_a_sentence(name: str, tmp_path: Path) -> None:
    with pytest.raises(EncoderError, match=r"ENCODER .+ there is no open_clip_config.json in .+\."):
        load_encoder(name, tmp_path / "cache", "cpu")


def test_an_unknown_model_raises_a_sentence_that_names_it(tmp_path: Path) -> None:
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
