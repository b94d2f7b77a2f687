"""Words and names that searches know, with a trigram index where the database has pg_trgm."""

from django.db import migrations, models

# pg_trgm is part of PostgreSQL's contrib modules, and trusted: the owner of a database may create
# it. Without it, searches work and correct no typos.
TRIGRAMS = """
DO $$
BEGIN
    IF EXISTS (SELECT FROM pg_available_extensions WHERE name = 'pg_trgm') THEN
        CREATE EXTENSION IF NOT EXISTS pg_trgm;
        CREATE INDEX IF NOT EXISTS search_term_trigrams
            ON catalog_searchterm USING gin (text gin_trgm_ops);
    END IF;
EXCEPTION WHEN insufficient_privilege OR feature_not_supported OR undefined_file THEN
    RAISE NOTICE 'pg_trgm is not available: typos in searches are not corrected';
END
$$
"""
DROP_TRIGRAMS = "DROP INDEX IF EXISTS search_term_trigrams"


class Migration(migrations.Migration):
    dependencies = [("catalog", "0022_import_notes_and_price_hashes")]

    operations = [
        migrations.CreateModel(
            name="SearchTerm",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("category", "Category"),
                            ("tag", "Tag"),
                            ("title", "Title"),
                            ("word", "Word"),
                        ],
                        max_length=10,
                    ),
                ),
                ("text", models.CharField(max_length=500)),
                ("products", models.PositiveIntegerField(default=0)),
            ],
            options={
                "ordering": ["text"],
                "constraints": [
                    models.UniqueConstraint(fields=("kind", "text"), name="search_term_once")
                ],
            },
        ),
        migrations.RunSQL(TRIGRAMS, DROP_TRIGRAMS),
    ]
