"""Variants of products. The database derives the price and the stock of a product with variants.

An index finds embeddings by the content that they were made from."""

import django.contrib.postgres.fields
import django.contrib.postgres.indexes
import django.db.models.deletion
from django.db import migrations, models

# The foreign key cascades in the database too, for those who write SQL; Django's cannot.
TABLE = """
ALTER TABLE catalog_variant DROP CONSTRAINT catalog_variant_pkey;
ALTER TABLE catalog_variant ADD PRIMARY KEY (product_id, id);
CREATE INDEX catalog_variant_id ON catalog_variant (id);
ALTER TABLE catalog_variant ADD CONSTRAINT catalog_variant_product FOREIGN KEY (product_id)
    REFERENCES catalog_product (id) ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED;
ALTER TABLE catalog_variant
    ALTER position SET DEFAULT 0, ALTER options SET DEFAULT '{}', ALTER price SET DEFAULT 0,
    ALTER in_stock SET DEFAULT true, ALTER url SET DEFAULT '', ALTER image_ids SET DEFAULT '{}',
    ADD CONSTRAINT variant_options_are_texts CHECK (
        jsonb_typeof(options) = 'object'
        AND NOT jsonb_path_exists(options, 'strict $.* ? (@.type() != "string")'));
"""

UNDO_TABLE = """
ALTER TABLE catalog_variant DROP CONSTRAINT variant_options_are_texts;
ALTER TABLE catalog_variant DROP CONSTRAINT catalog_variant_product;
DROP INDEX catalog_variant_id;
ALTER TABLE catalog_variant DROP CONSTRAINT catalog_variant_pkey;
ALTER TABLE catalog_variant ADD PRIMARY KEY (id);
"""

TRIGGERS = """
-- The price and the stock of products with variants: those of the cheapest variant in stock, or
-- else of the cheapest. So they are always the price and the stock of one and the same variant.
CREATE FUNCTION catalog_best_variants(product_ids bigint[])
RETURNS TABLE (product_id bigint, price numeric, in_stock boolean) LANGUAGE sql STABLE AS $$
    SELECT DISTINCT ON (variant.product_id) variant.product_id, variant.price, variant.in_stock
    FROM catalog_variant variant WHERE variant.product_id = ANY(product_ids)
    ORDER BY variant.product_id, variant.in_stock DESC, variant.price
$$;

-- Locks the products first. Another transaction may be changing other variants of them: the second
-- statement sees what it has written.
CREATE FUNCTION catalog_derive_from_variants(product_ids bigint[])
RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    PERFORM FROM catalog_product WHERE id = ANY(product_ids) ORDER BY id FOR NO KEY UPDATE;
    UPDATE catalog_product product SET price = best.price, in_stock = best.in_stock
    FROM catalog_best_variants(product_ids) best
    WHERE product.id = best.product_id
        AND (product.price, product.in_stock) IS DISTINCT FROM (best.price, best.in_stock);
END $$;

CREATE FUNCTION catalog_variant_written() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'UPDATE' THEN
        PERFORM catalog_derive_from_variants(array_agg(product_id)) FROM (
            SELECT unnest(ARRAY[past.product_id, present.product_id]) AS product_id
            FROM new_rows present JOIN old_rows past ON past.id = present.id
            WHERE (past.price, past.in_stock, past.product_id)
                IS DISTINCT FROM (present.price, present.in_stock, present.product_id)
        ) AS changed HAVING count(*) > 0;
    ELSIF TG_OP = 'INSERT' THEN
        PERFORM catalog_derive_from_variants(array_agg(product_id)) FROM new_rows
        HAVING count(*) > 0;
    ELSE
        PERFORM catalog_derive_from_variants(array_agg(product_id)) FROM old_rows
        HAVING count(*) > 0;
    END IF;
    RETURN NULL;
END $$;

CREATE FUNCTION catalog_refuse_derived_values() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE refused text;
BEGIN
    IF NOT EXISTS (SELECT FROM catalog_variant) THEN
        RETURN NULL;
    END IF;
    SELECT present.sku INTO refused FROM new_rows present JOIN old_rows past ON past.id = present.id
    CROSS JOIN LATERAL catalog_best_variants(ARRAY[present.id]) best
    WHERE (past.price, past.in_stock) IS DISTINCT FROM (present.price, present.in_stock)
        AND (present.price, present.in_stock) IS DISTINCT FROM (best.price, best.in_stock)
    LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION 'Product "%" has variants, and its price and stock follow from theirs. Change the variants instead.', refused
            USING ERRCODE = 'check_violation', HINT = 'They are in the table catalog_variant.';
    END IF;
    RETURN NULL;
END $$;

CREATE FUNCTION catalog_forget_images_of_variants() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE catalog_variant variant SET image_ids = ARRAY(
        SELECT kept.id FROM unnest(variant.image_ids) WITH ORDINALITY AS kept (id, place)
        WHERE kept.id <> ALL(gone.ids) ORDER BY kept.place)
    FROM (SELECT product_id, array_agg(id) AS ids FROM old_rows GROUP BY product_id) AS gone
    WHERE variant.product_id = gone.product_id AND variant.image_ids && gone.ids;
    RETURN NULL;
END $$;

CREATE TRIGGER variant_inserted AFTER INSERT ON catalog_variant
    REFERENCING NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION catalog_variant_written();
CREATE TRIGGER variant_updated AFTER UPDATE ON catalog_variant
    REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION catalog_variant_written();
CREATE TRIGGER variant_deleted AFTER DELETE ON catalog_variant
    REFERENCING OLD TABLE AS old_rows
    FOR EACH STATEMENT EXECUTE FUNCTION catalog_variant_written();
CREATE TRIGGER product_values_derived AFTER UPDATE ON catalog_product
    REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION catalog_refuse_derived_values();
CREATE TRIGGER image_of_variants_deleted AFTER DELETE ON catalog_productimage
    REFERENCING OLD TABLE AS old_rows
    FOR EACH STATEMENT EXECUTE FUNCTION catalog_forget_images_of_variants();
"""

UNDO_TRIGGERS = """
DROP FUNCTION catalog_forget_images_of_variants() CASCADE;
DROP FUNCTION catalog_refuse_derived_values() CASCADE;
DROP FUNCTION catalog_variant_written() CASCADE;
DROP FUNCTION catalog_derive_from_variants(bigint[]);
DROP FUNCTION catalog_best_variants(bigint[]);
"""


class Migration(migrations.Migration):
    dependencies = [("catalog", "0016_vectors_of_photos_of_nothing")]

    operations = [
        migrations.CreateModel(
            name="Variant",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("sku", models.CharField(max_length=200, unique=True, verbose_name="SKU")),
                ("position", models.PositiveSmallIntegerField(default=0)),
                (
                    "options",
                    models.JSONField(
                        blank=True, default=dict, help_text='Texts, as in {"size": "M"}.'
                    ),
                ),
                ("price", models.DecimalField(decimal_places=2, default=0, max_digits=12)),
                ("in_stock", models.BooleanField(default=True)),
                (
                    "url",
                    models.URLField(
                        blank=True, help_text="Page of the variant in the shop.", max_length=1000
                    ),
                ),
                (
                    "image_ids",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.BigIntegerField(),
                        blank=True,
                        default=list,
                        help_text="The photos of the product that show this variant, the first one"
                        " first.",
                        size=None,
                        verbose_name="photos",
                    ),
                ),
                (
                    "product",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="variants",
                        to="catalog.product",
                    ),
                ),
            ],
            options={"ordering": ["product_id", "position", "id"]},
        ),
        migrations.AddIndex(
            model_name="variant",
            index=django.contrib.postgres.indexes.GinIndex(
                fields=["options"], name="variant_options", opclasses=["jsonb_path_ops"]
            ),
        ),
        migrations.AddIndex(
            model_name="variant",
            index=models.Index(fields=["price"], name="variant_price"),
        ),
        migrations.AddIndex(
            model_name="embedding",
            index=models.Index(fields=["encoder", "source_hash"], name="embedding_content"),
        ),
        migrations.RunSQL(TABLE, UNDO_TABLE),
        migrations.RunSQL(TRIGGERS, UNDO_TRIGGERS),
    ]
