"""Models of every kind are compiled once, by one process, and used when they are complete."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from catalog.detection.torchvision_ops import declare_missing_ops
from catalog.visual import encoder_cache
from catalog.visual.encoder_cache import compile_model, load_compiled_model
from catalog.visual.errors import EncoderError
from catalog.visual.model_source import folder_checksum
from catalog.visual.openvino_encoder import OpenVinoEncoder
from catalog.visual.tokenizer_export import clean_text, export_tokenizer
from catalog.visual.torch_encoder import TorchEncoder

# Warnings are errors in tests. The converter and torch warn about each other, outside of tests in a
# child process.
pytestmark = pytest.mark.filterwarnings("ignore:.*:Warning")

ROOT = Path(__file__).resolve().parents[3]
PICTURES = [
    Image.new("RGB", size, colour) for size, colour in (((90, 40), "red"), ((8, 8), "blue"))
]
MODEL: dict[str, Any] = {
    "embed_dim": 16,
    "vision_cfg": {
        "image_size": 32,
        "layers": 1,
        "width": 32,
        "head_width": 16,
        "patch_size": 16,
    },
    "text_cfg": {
        "context_length": 12,
        "vocab_size": 49408,
        "width": 16,
        "heads": 2,
        "layers": 1,
    },
}


def tiny_model(folder: Path, custom_text: bool) -> str:
    """Writes an open_clip vision transformer with random weights to `folder`, and returns its
    encoder name."""
    declare_missing_ops()
    import open_clip
    import torch
    from safetensors.torch import save_file

    torch.manual_seed(0)
    made = (open_clip.CustomTextCLIP if custom_text else open_clip.CLIP)(**MODEL)
    folder.mkdir()
    save_file(made.state_dict(), folder / "open_clip_model.safetensors")
    described = {
        "model_cfg": {**MODEL, "custom_text": custom_text},
        "preprocess_cfg": {
            "size": 32,
            "mean": [0.48, 0.46, 0.41],
            "std": [0.27, 0.26, 0.28],
            "interpolation": "bicubic",
            "resize_mode": "shortest",
        },
    }
    (folder / "open_clip_config.json").write_text(json.dumps(described))
    return f"local-dir:{folder}"


@pytest.fixture
def compile_here(monkeypatch: pytest.MonkeyPatch) -> None:
    """Compiles in this process, which has imported torch already, to save time."""
    monkeypatch.setattr(encoder_cache, "_compile_in_child", compile_model)


@pytest.mark.usefixtures("compile_here")
@pytest.mark.parametrize("custom_text", [False, True], ids=["CLIP", "CustomTextCLIP"])
def test_a_model_in_a_folder_can_be_the_encoder(custom_text: bool, tmp_path: Path) -> None:
    name = tiny_model(tmp_path / "model", custom_text)
    texts = ["a chair", "стул", "", "a very long text that does not fit into twelve tokens at all"]

    compiled = OpenVinoEncoder(name, tmp_path / "cache")
    uncompiled = TorchEncoder(name, "cpu")

    assert (compiled.name, compiled.dimensions) == (name, 16)
    for ours, theirs in (
        (compiled.encode_images(PICTURES), uncompiled.encode_images(PICTURES)),
        (compiled.encode_texts(texts), uncompiled.encode_texts(texts)),
    ):
        assert (ours * theirs).sum(axis=1).min() >= 0.9999
    different = compiled.encode_texts(texts)
    assert (different[0] @ different[1:].T).max() < 0.99


@pytest.mark.long
def test_processes_that_start_together_compile_one_model(tmp_path: Path) -> None:
    # Given a log of all compilations.
    name = tiny_model(tmp_path / "model", custom_text=False)
    code = (
        "import sys; from pathlib import Path\n"
        "from PIL import Image\n"
        "from catalog.visual import encoder_cache\n"
        "from catalog.visual.load_encoder import load_encoder\n"
        "name, folder = sys.argv[1], Path(sys.argv[2])\n"
        "compile = encoder_cache._compile_in_child\n"
        "def logged(*args):\n"
        "    with open(folder / 'log', 'a') as log: log.write('compiled\\n')\n"
        "    compile(*args)\n"
        "encoder_cache._compile_in_child = logged\n"
        "encoder = load_encoder(name, folder / 'cache', 'cpu')\n"
        "print(encoder.checksum, encoder.encode_images([Image.new('RGB', (50, 40), 'red')]))\n"
    )

    processes = [
        subprocess.Popen(
            [sys.executable, "-c", code, name, str(tmp_path)],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(2)
    ]
    printed = {process.communicate(timeout=120)[0] for process in processes}

    assert [process.returncode for process in processes] == [0, 0]
    assert len(printed) == 1
    assert printed.pop().startswith(folder_checksum(tmp_path / "model"))
    assert (tmp_path / "log").read_text() == "compiled\n"
    folders = [path for path in (tmp_path / "cache").iterdir() if path.is_dir()]
    assert [set(os.listdir(folder)) for folder in folders] == [
        {"image.xml", "image.bin", "text.xml", "text.bin", "tokenizer.json", "model.json"}
    ]


def test_no_use_is_reported_to_the_makers_of_openvino(tmp_path: Path) -> None:
    # OpenVINO writes the identity that it reports under to ~/intel.
    name = tiny_model(tmp_path / "model", custom_text=False)
    code = (
        "import sys; from pathlib import Path\n"
        "from catalog.visual.encoder_cache import compile_model\n"
        "compile_model(sys.argv[1], Path(sys.argv[2]))\n"
        "import openvino\n"
        "print([name for name in sys.modules if name.startswith('openvino_telemetry.')])\n"
    )
    home = tmp_path / "home"
    home.mkdir()

    printed = subprocess.run(
        [sys.executable, "-c", code, name, str(tmp_path / "compiled")],
        cwd=ROOT,
        env={**os.environ, "HOME": str(home)},
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    ).stdout

    assert printed.splitlines()[-1] == "[]"
    assert not (home / "intel").exists()


@pytest.mark.usefixtures("compile_here")
def test_an_unfinished_compilation_is_not_used(tmp_path: Path) -> None:
    # Given the folder of a compiled model without the file that is written last.
    name = tiny_model(tmp_path / "model", custom_text=False)
    folder = load_compiled_model(name, tmp_path / "cache").folder
    (folder / "model.json").unlink()
    (folder / "image.xml").write_text("half")

    encoder = OpenVinoEncoder(name, tmp_path / "cache")

    assert encoder.encode_images(PICTURES).shape == (2, 16)
    assert "half" not in (folder / "image.xml").read_text()


@pytest.mark.usefixtures("compile_here")
def test_a_compilation_that_fails_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = tiny_model(tmp_path / "model", custom_text=False)

    def full_disk(*args: Any, **options: Any) -> None:
        raise OSError("No space left on device")

    monkeypatch.setattr("openvino.save_model", full_disk)
    with pytest.raises(OSError, match="No space left"):
        load_compiled_model(name, tmp_path / "cache")

    assert os.listdir(tmp_path / "cache") == [".lock"]


@pytest.mark.usefixtures("compile_here")
def test_other_weights_are_another_model(tmp_path: Path) -> None:
    name = tiny_model(tmp_path / "model", custom_text=False)
    first = load_compiled_model(name, tmp_path / "cache")

    again = load_compiled_model(name, tmp_path / "cache")
    with (tmp_path / "model" / "open_clip_config.json").open("a") as config:
        config.write("\n")
    changed = load_compiled_model(name, tmp_path / "cache")

    assert again == first
    assert changed.checksum != first.checksum
    assert changed.folder != first.folder
    # An index that was built with the first version still uses it.
    assert load_compiled_model(name, tmp_path / "cache", first.checksum) == first


@pytest.mark.parametrize("weights", [b"", b"these are no weights", None])
def test_damaged_weights_raise_a_sentence(weights: bytes | None, tmp_path: Path) -> None:
    name = tiny_model(tmp_path / "model", custom_text=False)
    file = tmp_path / "model" / "open_clip_model.safetensors"
    file.unlink() if weights is None else file.write_bytes(weights)

    with pytest.raises(EncoderError) as caught:
        compile_model(name, tmp_path / "compiled")

    assert str(caught.value).startswith(f"The encoder {name!r} cannot be loaded: ")
    assert not (tmp_path / "compiled").exists()


def tokenizers(length: int) -> tuple[Any, Any]:
    declare_missing_ops()
    import open_clip

    original = open_clip.SimpleTokenizer(context_length=length)
    return original, export_tokenizer(original)


@pytest.mark.parametrize(
    "text",
    [
        "a photo of a chair",
        "Women’s “garden” chair, don't you think it's what we'll buy?",
        "кресло-качалка «Уют» №5, ёлочная",
        "🪑 chair 👨‍👩‍👧 ❤️ 🇵🇱",
        "a " * 300,
        "x" * 500,
        "  tabs\tand\r\nlines\u00a0and\u2003odd \x1c spaces\x85 ",
        "Tom &amp; Jerry &lt;b&gt; &amp;amp;",
        "ﬁne Ｆｕｌｌ width, schÃ¶n",
        "!!!??? ... -- #@%^*()[]{}<>|/\\~`",
        "120×60×75 см, 3.5 kg, ½ off, ١٢٣",
        "日本語の椅子 ไทย हिन्दी ελληνικά",
        "",
        " ",
        "\u200b",
        "e\u0301 é и\u0306 й",
    ],
)
@pytest.mark.parametrize("length", [77, 12])
def test_the_exported_tokenizer_gives_open_clips_tokens(text: str, length: int) -> None:
    original, exported = tokenizers(length)

    assert exported.encode(clean_text(text)).ids == original([text])[0].tolist()


def test_a_batch_of_texts_is_padded_to_the_context() -> None:
    original, exported = tokenizers(12)
    texts = ["chair", "", "a long text " * 10]

    rows = [encoding.ids for encoding in exported.encode_batch(texts)]

    assert np.array(rows).shape == (3, 12)
    assert rows == original(texts).tolist()
