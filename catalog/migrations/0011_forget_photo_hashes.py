"""Ids of searches by photo began with digits of the photo's hash. They become random ones, the same
for a search and its events, from which nothing follows."""

import hashlib
import secrets
from contextlib import suppress

from django.conf import settings
from django.db import migrations


def replace_ids(apps, schema_editor):
    key = secrets.token_hex(16)  # known to this migration alone
    for table, condition in (("catalog_loggedsearch", "true"), ("catalog_event", "query_id <> ''")):
        schema_editor.execute(
            f"UPDATE {table} SET query_id = md5(query_id || %s) WHERE {condition}", [key]
        )
    for photo in settings.SEARCH_LOG_PHOTOS.glob("*"):  # named by their search
        with suppress(OSError):
            photo.rename(photo.with_name(hashlib.md5(f"{photo.name}{key}".encode()).hexdigest()))


class Migration(migrations.Migration):
    dependencies = [("catalog", "0010_origins")]

    operations = [migrations.RunPython(replace_ids, migrations.RunPython.noop, elidable=True)]
