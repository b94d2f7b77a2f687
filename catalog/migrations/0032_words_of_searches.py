"""A trigram index by which the console finds logged searches by their words, where the database has
pg_trgm. Without it, the console reads the whole log."""

from django.db import migrations

TRIGRAMS = """
DO $$
BEGIN
    IF EXISTS (SELECT FROM pg_extension WHERE extname = 'pg_trgm') THEN
        CREATE INDEX IF NOT EXISTS logged_search_words
            ON catalog_loggedsearch USING gin (upper(words::text) gin_trgm_ops);
    END IF;
END
$$
"""


class Migration(migrations.Migration):
    dependencies = [("catalog", "0031_indexes_of_searches")]

    operations = [
        migrations.RunSQL(TRIGRAMS, "DROP INDEX IF EXISTS logged_search_words"),
    ]
