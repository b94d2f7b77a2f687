from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("catalog", "0034_factor_models")]

    operations = [
        migrations.AddField(
            model_name="publication",
            name="kept_at",
            field=models.DateTimeField(
                blank=True,
                help_text="Time when it was decided to keep the generation, though it had been"
                " worse.",
                null=True,
            ),
        ),
    ]
