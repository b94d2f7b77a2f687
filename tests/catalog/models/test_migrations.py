"""Migrations of existing rows."""

import importlib
from pathlib import Path
from typing import Any

import pytest
from django.db import connection

from catalog.models import Event, LoggedSearch

pytestmark = pytest.mark.django_db

OLD = "0123456789abcdef" + 16 * "7"  # its first half identifies the photo


def test_ids_of_searches_and_events_lose_the_hashes_of_photos(
    settings: Any, tmp_path: Path
) -> None:
    settings.SEARCH_LOG_PHOTOS = tmp_path
    (tmp_path / OLD).write_bytes(b"photo")
    LoggedSearch.objects.create(
        query_id=OLD,
        kind="photo",
        generation_id=1,
        timings_ms={},
        filtered=False,
        sort="relevance",
        offset=0,
        products=[7],
        features=[{}],
    )
    click = Event.objects.create(type="click", product_id=7, session="s", query_id=OLD)
    view = Event.objects.create(type="view", product_id=7, session="s")

    migration = importlib.import_module("catalog.migrations.0011_forget_photo_hashes")
    with connection.schema_editor() as editor:
        migration.replace_ids(None, editor)

    click.refresh_from_db()
    view.refresh_from_db()
    new = click.query_id
    assert not {new[:8], new[8:16]} & {OLD[:8], OLD[8:16]}
    assert LoggedSearch.objects.filter(query_id=new).exists()
    assert not LoggedSearch.objects.filter(query_id=OLD).exists()
    assert view.query_id == ""
    assert [photo.name for photo in tmp_path.iterdir()] == [new]
