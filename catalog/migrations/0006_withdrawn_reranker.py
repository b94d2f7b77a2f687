from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("catalog", "0005_search_log"),
    ]

    operations = [
        migrations.AddField(
            model_name="reranker",
            name="withdrawn",
            field=models.BooleanField(
                default=False, help_text="Somebody turned it off: none takes over by itself."
            ),
        ),
    ]
