"""A small model."""

from pathlib import Path

import pytest

from tests.catalog.detection.object_model import efficientnet_model


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A model of the starter's kind, with random weights and 16 numbers."""
    efficientnet_model(tmp_path / "model")
    return tmp_path / "model"
