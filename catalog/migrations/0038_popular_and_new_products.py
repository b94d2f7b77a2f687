"""Indexes by which recommendations find what is popular and new, in a category too."""

from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):
    atomic = False

    dependencies = [("catalog", "0037_experiments")]

    operations = [
        AddIndexConcurrently(
            model_name="product",
            index=models.Index(fields=["-popularity", "id"], name="product_popular"),
        ),
        AddIndexConcurrently(
            model_name="product",
            index=models.Index(
                fields=["category", "-created_at", "-id"], name="product_newest_of_category"
            ),
        ),
        AddIndexConcurrently(
            model_name="product",
            index=models.Index(
                fields=["category", "-popularity", "id"], name="product_popular_category"
            ),
        ),
    ]
