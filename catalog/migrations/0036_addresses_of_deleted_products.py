"""The database itself deletes the names of photos with their product or address. Migration 0018
meant to do this, but ran before its constraints were made."""

from importlib import import_module

from django.db import migrations

CASCADES = import_module("catalog.migrations.0018_image_addresses").CASCADES


class Migration(migrations.Migration):
    dependencies = [("catalog", "0035_kept_generations")]

    operations = [migrations.RunSQL(CASCADES, migrations.RunSQL.noop)]
