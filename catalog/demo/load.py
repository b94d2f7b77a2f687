"""Loads the demo catalogue and its vocabulary into the database."""

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
    """Creates or updates the demo's products and tags, and leaves all others unchanged.

    Calls `progress` with the number of products of each batch. Loads tags first, because products
    are tagged with the vocabulary that exists when they are indexed. Runs in one transaction: an
    interrupted first start leaves the catalogue empty, and the next start loads the demo again."""
    with transaction.atomic():
        load_vocabulary(VOCABULARY)
        return import_file(CATALOG, progress=progress)


def load_vocabulary(path: Path) -> int:
    """Creates or renames tags by slug, from JSON Lines of `slug`, `name` and `name_ru`, and accepts
    them, apart from those that an operator has refused. Returns the number of tags in the file."""
    with path.open(encoding="utf-8") as file:
        tags = [Tag(**json.loads(line)) for line in file if line.strip()]
    Tag.objects.bulk_create(
        tags,
        update_conflicts=True,
        unique_fields=["slug"],
        update_fields=["name", "name_ru"],
    )
    proposed = Tag.objects.proposed().filter(slug__in=[tag.slug for tag in tags])
    proposed.update(state=Tag.State.ACCEPTED)
    return len(tags)
