"""The journal of imports: while the setting `vitrina.import` names an import, triggers write what each
row was before. There is one entry for a row and an import, whatever the order of the writes: the
entry of a row that was inserted and deleted again has the `op` X. Entries are found by ON CONFLICT,
which always uses the key; a join would be planned without statistics of a table that grows fast.

The database itself deletes what belongs to a deleted source or import."""

from django.db import migrations

PRODUCT = (
    *("sku", "title", "title_ru", "description", "category_id", "brand", "keywords", "price"),
    *("currency", "in_stock", "is_visible", "popularity", "url", "attributes"),
)
VARIANT = (
    *("product_id", "sku", "position", "options", "price", "in_stock", "url", "image_ids"),
    "image_places",
)
IMAGE = ("product_id", "position", "file", "content_hash")

# name: (table, relation, product, row, columns that count, further columns of a deleted row)
TABLES = {
    "product": ("catalog_product", 1, "id", "id", PRODUCT, ("id", "created_at", "updated_at")),
    "variant": ("catalog_variant", 2, "product_id", "id", VARIANT, ("id",)),
    "image": ("catalog_productimage", 3, "product_id", "id", IMAGE, ("id",)),
    "addressed": (
        "catalog_addressedimage",
        *(4, "product_id", "position", ("address_id",), ("product_id", "position")),
    ),
}


def value(row, column):
    # A fetch links a variant with photos by address to other photos: that is no edit.
    if column == "image_ids":
        return f"CASE WHEN {row}.image_places = '{{}}' THEN {row}.image_ids END"
    return f"{row}.{column}"


def digest(row, columns):
    return f"md5(ROW({', '.join(value(row, c) for c in columns)})::text)::uuid"


def whole(row, columns):
    return "jsonb_build_object(" + ", ".join(f"'{c}', {row}.{c}" for c in columns) + ")"


def difference(row, other, columns):
    return " || ".join(
        f"CASE WHEN {row}.{c} IS DISTINCT FROM {other}.{c}"
        f" THEN jsonb_build_object('{c}', {row}.{c}) ELSE '{{}}' END"
        for c in columns
    )


TRIGGER = """
CREATE FUNCTION catalog_import_digest({table}) RETURNS uuid LANGUAGE sql STABLE
RETURN {digest_of_row};

CREATE FUNCTION catalog_journal_{name}() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE present bigint := nullif(current_setting('vitrina.import', true), '')::bigint;
BEGIN
    IF present IS NULL THEN
        RETURN NULL;
    END IF;
    IF TG_OP = 'INSERT' THEN
        INSERT INTO catalog_importedrow AS entry
            (product_import_id, relation, product_id, row_id, op, digest, after)
        SELECT present, {relation}, n.{product}, n.{row}, 'I', {digest}, {inserted}
        FROM new_rows n
        ON CONFLICT (product_import_id, product_id, relation, row_id)
            DO UPDATE SET op = CASE entry.op WHEN 'X' THEN 'I' ELSE 'U' END,
                after = excluded.after, digest = excluded.digest;
    ELSIF TG_OP = 'UPDATE' THEN
        INSERT INTO catalog_importedrow AS entry
            (product_import_id, relation, product_id, row_id, op, digest, before, after)
        SELECT present, {relation}, o.{product}, o.{row}, 'U', {digest},
            difference.before, difference.after
        FROM new_rows n JOIN old_rows o ON {same}
        CROSS JOIN LATERAL (SELECT {before} AS before, {after} AS after) AS difference
        WHERE difference.before <> '{{}}'
        ON CONFLICT (product_import_id, product_id, relation, row_id)
            DO UPDATE SET digest = excluded.digest,
                before = excluded.before || entry.before,
                after = entry.after || excluded.after;
    ELSE
        INSERT INTO catalog_importedrow AS entry
            (product_import_id, relation, product_id, row_id, op, before)
        SELECT present, {relation}, o.{product}, o.{row}, 'D', {deleted} FROM old_rows o
        ON CONFLICT (product_import_id, product_id, relation, row_id)
            DO UPDATE SET op = CASE entry.op WHEN 'I' THEN 'X' ELSE 'D' END,
                before = excluded.before || coalesce(entry.before, '{{}}'), after = NULL;
    END IF;
    RETURN NULL;
END $$;

CREATE TRIGGER {name}_inserted_by_import AFTER INSERT ON {table}
    REFERENCING NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION catalog_journal_{name}();
CREATE TRIGGER {name}_updated_by_import AFTER UPDATE ON {table}
    REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION catalog_journal_{name}();
CREATE TRIGGER {name}_deleted_by_import AFTER DELETE ON {table}
    REFERENCING OLD TABLE AS old_rows
    FOR EACH STATEMENT EXECUTE FUNCTION catalog_journal_{name}();
"""

UNDO_TRIGGER = """
DROP FUNCTION catalog_journal_{name}() CASCADE;
DROP FUNCTION catalog_import_digest({table});
"""

CASCADES = """
ALTER TABLE catalog_sourceproduct ADD CONSTRAINT source_product_source
    FOREIGN KEY (source_id) REFERENCES catalog_source (id) ON DELETE CASCADE
    DEFERRABLE INITIALLY DEFERRED;
ALTER TABLE catalog_importedrow ADD CONSTRAINT imported_row_import
    FOREIGN KEY (product_import_id) REFERENCES catalog_productimport (id) ON DELETE CASCADE
    DEFERRABLE INITIALLY DEFERRED;
ALTER TABLE catalog_refusedline ADD CONSTRAINT refused_line_import
    FOREIGN KEY (product_import_id) REFERENCES catalog_productimport (id) ON DELETE CASCADE
    DEFERRABLE INITIALLY DEFERRED;
"""

UNDO_CASCADES = """
ALTER TABLE catalog_sourceproduct DROP CONSTRAINT source_product_source;
ALTER TABLE catalog_importedrow DROP CONSTRAINT imported_row_import;
ALTER TABLE catalog_refusedline DROP CONSTRAINT refused_line_import;
"""


def statements(name):
    table, relation, product, row, columns, others = TABLES[name]
    # A function of the row itself, for the undo; triggers see rows without a type.
    of_row = f"md5(ROW({', '.join(value('$1', c) for c in columns)})::text)::uuid"
    is_addressed = name == "addressed"
    filled = TRIGGER.format(
        name=name,
        table=table,
        relation=relation,
        product=product,
        row=row,
        digest_of_row=of_row.replace("$1", "($1)"),
        digest=digest("n", columns),
        inserted=whole("n", columns) if is_addressed else "NULL",
        before=difference("o", "n", columns),
        after=difference("n", "o", columns),
        deleted=whole("o", (*columns, *others)),
        same=f"n.{product} = o.{product} AND n.{row} = o.{row}" if is_addressed else "n.id = o.id",
    )
    return migrations.RunSQL(filled, UNDO_TRIGGER.format(name=name, table=table))


class Migration(migrations.Migration):
    dependencies = [("catalog", "0019_sources")]

    operations = [
        migrations.RunSQL(CASCADES, UNDO_CASCADES),
        *(statements(name) for name in TABLES),
    ]
