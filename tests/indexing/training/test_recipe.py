"""`manage.py train_encoder` as a whole, on the toy catalogue."""

from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from catalog.visual.openvino_encoder import OpenVinoEncoder
from catalog.visual.torch_encoder import TorchEncoder
from indexing.training.checkpoints import CHECKPOINT_FILE


def train(toy_encoder: Path, catalog: Path, folder: Path, **options: Any) -> None:
    call_command(
        "train_encoder",
        source=f"local-dir:{toy_encoder}",
        catalog=catalog,
        pairs=[],
        held_out=[],
        work=folder / "work",
        output=folder / "encoder",
        **{"steps": 3, "products": 4, "size": 64, "object_steps": 0, **options},
    )


@pytest.mark.long  # three trainings
def test_the_command_trains_an_encoder(
    toy_encoder: Path, toy_catalog: Path, tmp_path: Path
) -> None:
    train(toy_encoder, toy_catalog, tmp_path)

    before = TorchEncoder(f"local-dir:{toy_encoder}", "cpu")
    after = OpenVinoEncoder(f"local-dir:{tmp_path / 'encoder'}", tmp_path / "compiled")
    assert (after.dimensions, after.preprocessing) == (before.dimensions, before.preprocessing)
    assert after.checksum != before.checksum

    # The same command has nothing left to do. Another one starts again.
    checkpoint = tmp_path / "work" / CHECKPOINT_FILE
    written = checkpoint.stat().st_mtime_ns
    train(toy_encoder, toy_catalog, tmp_path)
    assert checkpoint.stat().st_mtime_ns == written
    train(toy_encoder, toy_catalog, tmp_path, steps=2)
    assert checkpoint.stat().st_mtime_ns != written


def test_the_command_explains_what_it_cannot_use(toy_encoder: Path, tmp_path: Path) -> None:
    (tmp_path / "empty.jsonl").write_text('{"sku": "a"}')

    with pytest.raises(CommandError, match="status 1"):
        train(toy_encoder, tmp_path / "empty.jsonl", tmp_path)
    with pytest.raises(CommandError, match=r"no open_clip_config\.json"):
        train(tmp_path / "nowhere", tmp_path / "empty.jsonl", tmp_path)
