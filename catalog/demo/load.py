"""Puts the demo catalogue and its vocabulary into the database."""

import json
from collections.abc import Callable
from pathlib import Path

from django.db import transaction

from catalog.importing.files import ImportReport, import_file
from catalog.models import Tag

FOLDER = Path(__file__).resolve().parent
CATALOG = FOLDER / "catalog.jsonl"
VOCABULARY = FOLDER / "vocabulary.jsonl"


def load_demo(progress: Callable[[int], None] = lambda n: None) -> ImportReport:
    """Creates or updates the demo products and tags; those of the shop's own stay as they are.
    `progress` is told how many products were dealt with. Tags come first: products are tagged by
    whatever vocabulary is there when they are indexed. All or nothing: a start that was interrupted
    leaves an empty catalogue, by which the next one knows that the demo is to be loaded."""
    with transaction.atomic():
        load_vocabulary(VOCABULARY)
        return import_file(CATALOG, progress=progress)


def load_vocabulary(path: Path) -> int:
    """Creates or renames tags by slug, from JSON Lines of slug, name and name_ru; returns how many
    the file holds. Whether a tag is active is left as it is."""
    with path.open(encoding="utf-8") as file:
        tags = [Tag(**json.loads(line)) for line in file if line.strip()]
    Tag.objects.bulk_create(
        tags,
        update_conflicts=True,
        unique_fields=["slug"],
        update_fields=["name", "name_ru"],
    )
    return len(tags)
