"""Attributes are read by a field of their own. Nothing changes in the database."""

from django.db import migrations

import catalog.models.attributes


class Migration(migrations.Migration):
    dependencies = [("catalog", "0007_adapter_match")]

    operations = [
        migrations.AlterField(
            model_name="product",
            name="attributes",
            field=catalog.models.attributes.AttributesField(blank=True, default=dict),
        ),
    ]
