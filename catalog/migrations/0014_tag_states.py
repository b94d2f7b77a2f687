"""Tags are proposed, accepted or refused. Tags that were inactive are refused.

The text hash covers the words of attributes too. Products without such words keep their hash."""

import django.contrib.postgres.fields
import django.db.models.deletion
from django.db import migrations, models
from django.db.models import F, Func

FUNCTIONS = r"""
-- The texts without digits among the values of attributes, and in lists among them. A value with
-- digits is a size, a code or an address, and no word.
CREATE FUNCTION catalog_attribute_words(attributes jsonb) RETURNS text[]
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN ARRAY(
    SELECT word #>> '{}' FROM jsonb_path_query(
        attributes, '$.*[*] ? (@.type() == "string" && @ like_regex "^[^0-9]{2,60}$")') word
);

CREATE FUNCTION catalog_text_hash(
    title text, title_ru text, description text, keywords text[], category_id bigint,
    attributes jsonb
) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN md5(
    coalesce(title, '') || chr(31) || coalesce(title_ru, '') || chr(31)
    || coalesce(description, '') || chr(31) || catalog_words(keywords) || chr(31)
    || coalesce(category_id::text, '')
    || coalesce(
        nullif(chr(31) || catalog_words(catalog_attribute_words(attributes)), chr(31)), '')
);
"""

DROP_FUNCTIONS = """
DROP FUNCTION catalog_text_hash(text, text, text, text[], bigint, jsonb);
DROP FUNCTION catalog_attribute_words(jsonb);
"""

DROP_OLD_FUNCTION = "DROP FUNCTION catalog_text_hash(text, text, text, text[], bigint)"

OLD_FUNCTION = """
CREATE FUNCTION catalog_text_hash(
    title text, title_ru text, description text, keywords text[], category_id bigint
) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN md5(
    coalesce(title, '') || chr(31) || coalesce(title_ru, '') || chr(31)
    || coalesce(description, '') || chr(31) || catalog_words(keywords) || chr(31)
    || coalesce(category_id::text, '')
);
"""


class Migration(migrations.Migration):
    dependencies = [("catalog", "0013_plain_help_texts_and_labels")]
    operations = [
        migrations.AddField(
            model_name="tag",
            name="state",
            field=models.CharField(
                choices=[
                    ("proposed", "proposed"),
                    ("accepted", "accepted"),
                    ("refused", "refused"),
                ],
                default="accepted",
                help_text="Only accepted tags are assigned to products.",
                max_length=10,
            ),
        ),
        migrations.RunSQL(
            "UPDATE catalog_tag SET state = 'refused' WHERE NOT is_active",
            "UPDATE catalog_tag SET is_active = (state = 'accepted')",
        ),
        migrations.RemoveField(model_name="tag", name="is_active"),
        migrations.AddField(
            model_name="tag",
            name="products",
            field=models.PositiveIntegerField(
                default=0,
                help_text="Number of visible products with this word at the last import.",
            ),
        ),
        migrations.AddField(
            model_name="tag",
            name="examples",
            field=django.contrib.postgres.fields.ArrayField(
                base_field=models.BigIntegerField(),
                blank=True,
                default=list,
                help_text="Ids of some of them.",
                size=None,
            ),
        ),
        migrations.AlterField(
            model_name="tag",
            name="name",
            field=models.CharField(blank=True, max_length=100),
        ),
        # A generated column cannot be altered.
        migrations.RemoveField(model_name="product", name="text_hash"),
        migrations.RunSQL(DROP_OLD_FUNCTION, OLD_FUNCTION),
        migrations.RunSQL(FUNCTIONS, DROP_FUNCTIONS),
        migrations.AddField(
            model_name="product",
            name="text_hash",
            field=models.GeneratedField(
                db_persist=True,
                expression=Func(
                    F("title"),
                    F("title_ru"),
                    F("description"),
                    F("keywords"),
                    F("category"),
                    F("attributes"),
                    function="catalog_text_hash",
                ),
                help_text="Hash of the texts that tags are derived from.",
                output_field=models.CharField(max_length=32),
            ),
        ),
    ]
