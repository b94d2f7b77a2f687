"""Fixtures for tests of the catalogue: an empty catalogue, and files of a supplier to import."""

import json
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from PIL import Image


@pytest.fixture
def empty_catalogue(db: None) -> None:
    """Deletes what the session has loaded. The rollback after the test restores it."""
    from django.db import connection

    with connection.cursor() as cursor:
        for table in ("product", "category", "tag", "productchange", "productimport"):
            cursor.execute(f"DELETE FROM catalog_{table}")


def photo(colour: str) -> bytes:
    """Returns the bytes of a PNG file, a small picture of one colour."""
    file = BytesIO()
    Image.new("RGB", (8, 8), colour).save(file, "PNG")
    return file.getvalue()


@pytest.fixture
def folder(tmp_path: Path, settings: Any) -> Path:
    """A supplier's folder with four photos. Imported photos are stored in another temporary
    folder."""
    settings.MEDIA_ROOT = tmp_path / "media"
    folder = tmp_path / "supplier"
    folder.mkdir()
    for colour in ("red", "blue", "green", "yellow"):
        (folder / f"{colour}.png").write_bytes(photo(colour))
    return folder


@pytest.fixture
def import_lines(folder: Path) -> Callable[..., Any]:
    """Writes lines, given as objects or bytes, to a file in the supplier's folder and imports it.
    Returns the report."""
    from catalog.importing.files import import_file

    def run(*lines: Any) -> Any:
        file = folder / "products.jsonl"
        encoded = [
            line if isinstance(line, bytes) else json.dumps(line, ensure_ascii=False).encode()
            for line in lines
        ]
        file.write_bytes(b"\n".join(encoded) + b"\n")
        return import_file(file)

    return run
