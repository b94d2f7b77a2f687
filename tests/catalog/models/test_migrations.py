"""Migrations of existing rows."""

import importlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from django.apps import apps
from django.db import connection

from catalog.index.factor_store import drop_factors, has_graph, read_factors
from catalog.models import Event, FactorModel, LoggedSearch

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


def test_factors_lose_the_number_that_made_them_unit_vectors() -> None:
    built = {"dimensions": 2, "alpha": 1, "regularization": 1, "longest": 5.0}
    model, dropped = (FactorModel.objects.create(**built, state=s) for s in ("built", "dropped"))
    lifted = {7: "[0.6, 0.8, 0]", 8: "[0.24, -0.32, 0.9165]"}  # of (3, 4) and (1.2, −1.6)
    with connection.cursor() as cursor:
        cursor.execute(
            f"CREATE TABLE {model.factor_table}"
            " (product_id bigint PRIMARY KEY, is_learned boolean NOT NULL, factor halfvec(3))"
        )
        for pk, vector in lifted.items():
            insert = f"INSERT INTO {model.factor_table} VALUES (%s, true, %s)"
            cursor.execute(insert, [pk, vector])

    migration = importlib.import_module("catalog.migrations.0039_factors_as_they_are")
    with connection.schema_editor() as editor:
        migration.store_as_they_are(apps, editor)

    factors = read_factors(model, [7, 8])
    assert np.allclose(factors[7], [3, 4], atol=0.01)
    assert np.allclose(factors[8], [1.2, -1.6], atol=0.01)
    assert has_graph(model)
    assert not has_graph(dropped)
    drop_factors(model)
