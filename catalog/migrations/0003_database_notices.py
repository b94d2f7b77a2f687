"""The database's own part: keys by product, cascades for SQL, and triggers that note each change.

A change is noted by the database, so it does not matter who makes it: the admin, the API, an
import, `QuerySet.update` or SQL typed by hand. The triggers run once per statement."""

from django.db import migrations

KEYS = """
-- (product_id, id), so that the tables can be distributed by product; id alone stays indexed.
ALTER TABLE catalog_productimage DROP CONSTRAINT catalog_productimage_pkey;
ALTER TABLE catalog_productimage ADD PRIMARY KEY (product_id, id);
CREATE INDEX catalog_productimage_id ON catalog_productimage (id);
ALTER TABLE catalog_producttag DROP CONSTRAINT catalog_producttag_pkey;
ALTER TABLE catalog_producttag ADD PRIMARY KEY (product_id, id);
CREATE INDEX catalog_producttag_id ON catalog_producttag (id);

-- Defaults and cascades live in the database too, for those who write SQL.
DO $$
DECLARE fk record;
BEGIN
    FOR fk IN
        SELECT conname, conrelid::regclass AS source, confrelid::regclass AS target,
               a.attname AS source_column
        FROM pg_constraint c
        JOIN pg_attribute a ON a.attrelid = c.conrelid AND a.attnum = c.conkey[1]
        WHERE contype = 'f' AND conrelid IN (
            'catalog_product'::regclass, 'catalog_productimage'::regclass,
            'catalog_producttag'::regclass, 'catalog_category'::regclass)
    LOOP
        EXECUTE format('ALTER TABLE %s DROP CONSTRAINT %I', fk.source, fk.conname);
        EXECUTE format(
            'ALTER TABLE %s ADD CONSTRAINT %I FOREIGN KEY (%I) REFERENCES %s (id) '
            'ON DELETE %s DEFERRABLE INITIALLY DEFERRED',
            fk.source, fk.conname, fk.source_column, fk.target,
            CASE WHEN fk.source = 'catalog_product'::regclass THEN 'SET NULL' ELSE 'CASCADE' END);
    END LOOP;
END $$;
ALTER TABLE catalog_product
    ALTER title SET DEFAULT '', ALTER title_ru SET DEFAULT '', ALTER description SET DEFAULT '',
    ALTER brand SET DEFAULT '', ALTER keywords SET DEFAULT '{}', ALTER price SET DEFAULT 0,
    ALTER currency SET DEFAULT 'EUR', ALTER in_stock SET DEFAULT true,
    ALTER is_visible SET DEFAULT true, ALTER popularity SET DEFAULT 0, ALTER url SET DEFAULT '',
    ALTER attributes SET DEFAULT '{}', ALTER created_at SET DEFAULT now(),
    ALTER updated_at SET DEFAULT now();
ALTER TABLE catalog_productimage
    ALTER position SET DEFAULT 0, ALTER content_hash SET DEFAULT '';
"""

TRIGGERS = """
CREATE SEQUENCE catalog_change_seq;

CREATE FUNCTION catalog_note_changes(product_ids bigint[]) RETURNS void LANGUAGE sql AS $$
    INSERT INTO catalog_productchange (product_id, changed_at, seq)
    SELECT id, clock_timestamp(), nextval('catalog_change_seq')
    FROM (SELECT DISTINCT unnest(product_ids) AS id ORDER BY 1) AS changed
    ON CONFLICT (product_id) DO UPDATE SET seq = excluded.seq
$$;

CREATE FUNCTION catalog_product_written() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'UPDATE' THEN
        PERFORM catalog_note_changes(array_agg(present.id)) FROM new_rows present
        JOIN old_rows past ON past.id = present.id
        WHERE past.text_hash IS DISTINCT FROM present.text_hash HAVING count(*) > 0;
    ELSIF TG_OP = 'INSERT' THEN
        PERFORM catalog_note_changes(array_agg(id)) FROM new_rows HAVING count(*) > 0;
    ELSE
        PERFORM catalog_note_changes(array_agg(id)) FROM old_rows HAVING count(*) > 0;
    END IF;
    RETURN NULL;
END $$;

CREATE FUNCTION catalog_image_written() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    -- The indexer writing down what it read in a file is no change.
    IF TG_OP = 'UPDATE' AND current_setting('vitrina.reading_files', true) = 'on' THEN
        RETURN NULL;
    END IF;
    IF TG_OP = 'UPDATE' THEN
        PERFORM catalog_note_changes(array_agg(product_id)) FROM (
            SELECT unnest(ARRAY[past.product_id, present.product_id]) AS product_id
            FROM new_rows present JOIN old_rows past ON past.id = present.id
            WHERE (past.content_hash, past.product_id, past.file)
                IS DISTINCT FROM (present.content_hash, present.product_id, present.file)
        ) AS changed HAVING count(*) > 0;
    ELSIF TG_OP = 'INSERT' THEN
        PERFORM catalog_note_changes(array_agg(product_id)) FROM new_rows HAVING count(*) > 0;
    ELSE
        PERFORM catalog_note_changes(array_agg(product_id)) FROM old_rows HAVING count(*) > 0;
    END IF;
    RETURN NULL;
END $$;

-- A file replaced by SQL has an unknown content until the indexer has read it.
CREATE FUNCTION catalog_image_file_replaced() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.content_hash := '';
    RETURN NEW;
END $$;

CREATE TRIGGER image_file_replaced BEFORE UPDATE ON catalog_productimage
    FOR EACH ROW
    WHEN (OLD.file IS DISTINCT FROM NEW.file AND OLD.content_hash = NEW.content_hash)
    EXECUTE FUNCTION catalog_image_file_replaced();
CREATE TRIGGER product_inserted AFTER INSERT ON catalog_product
    REFERENCING NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION catalog_product_written();
CREATE TRIGGER product_updated AFTER UPDATE ON catalog_product
    REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION catalog_product_written();
CREATE TRIGGER product_deleted AFTER DELETE ON catalog_product
    REFERENCING OLD TABLE AS old_rows
    FOR EACH STATEMENT EXECUTE FUNCTION catalog_product_written();
CREATE TRIGGER image_inserted AFTER INSERT ON catalog_productimage
    REFERENCING NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION catalog_image_written();
CREATE TRIGGER image_updated AFTER UPDATE ON catalog_productimage
    REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION catalog_image_written();
CREATE TRIGGER image_deleted AFTER DELETE ON catalog_productimage
    REFERENCING OLD TABLE AS old_rows
    FOR EACH STATEMENT EXECUTE FUNCTION catalog_image_written();
"""

UNDO_KEYS = """
DROP INDEX catalog_productimage_id, catalog_producttag_id;
ALTER TABLE catalog_productimage DROP CONSTRAINT catalog_productimage_pkey;
ALTER TABLE catalog_productimage ADD PRIMARY KEY (id);
ALTER TABLE catalog_producttag DROP CONSTRAINT catalog_producttag_pkey;
ALTER TABLE catalog_producttag ADD PRIMARY KEY (id);
"""

UNDO_TRIGGERS = """
DROP FUNCTION catalog_product_written() CASCADE;
DROP FUNCTION catalog_image_written() CASCADE;
DROP FUNCTION catalog_image_file_replaced() CASCADE;
DROP FUNCTION catalog_note_changes(bigint[]);
DROP SEQUENCE catalog_change_seq;
"""


class Migration(migrations.Migration):
    dependencies = [("catalog", "0002_tables")]
    operations = [
        migrations.RunSQL(KEYS, UNDO_KEYS),
        migrations.RunSQL(TRIGGERS, UNDO_TRIGGERS),
    ]
