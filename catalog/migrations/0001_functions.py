"""What the tables' generated columns are computed with."""

from django.db import migrations
from pgvector.django import VectorExtension

# array_to_string is only STABLE for arrays of any type; for text it never changes. The bodies are
# parsed here and now (RETURN, not a string), so that a dump can be restored with no search_path.
FUNCTIONS = r"""
CREATE FUNCTION catalog_words(words text[]) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN array_to_string(coalesce(words, '{}'), ' ');

CREATE FUNCTION catalog_text_hash(
    title text, title_ru text, description text, keywords text[], category_id bigint
) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN md5(
    coalesce(title, '') || chr(31) || coalesce(title_ru, '') || chr(31)
    || coalesce(description, '') || chr(31) || catalog_words(keywords) || chr(31)
    || coalesce(category_id::text, '')
);

CREATE FUNCTION catalog_search_document(
    title text, title_ru text, keywords text[], description text
) RETURNS tsvector
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN setweight(to_tsvector('english', coalesce(title, '')), 'A')
    || setweight(to_tsvector('russian', coalesce(title_ru, '')), 'A')
    || setweight(to_tsvector('english', catalog_words(keywords)), 'B')
    || setweight(to_tsvector('russian', catalog_words(keywords)), 'B')
    || setweight(to_tsvector('english', coalesce(description, '')), 'D');
"""

DROP_FUNCTIONS = """
DROP FUNCTION catalog_search_document(text, text, text[], text);
DROP FUNCTION catalog_text_hash(text, text, text, text[], bigint);
DROP FUNCTION catalog_words(text[]);
"""


class Migration(migrations.Migration):
    initial = True
    dependencies: list = []
    operations = [
        VectorExtension(),
        migrations.RunSQL(FUNCTIONS, DROP_FUNCTIONS),
    ]
