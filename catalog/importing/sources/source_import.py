"""Compares a feed with what its source said before, so that only changes reach the catalogue, and
hides what a full feed no longer has."""

from collections.abc import Callable, Mapping, Sequence

from django.conf import settings
from django.db import connection, transaction
from django.utils.translation import gettext_noop

from catalog.importing.errors import ImportFailed
from catalog.importing.history.recorded_imports import RecordedImport, follow_import
from catalog.importing.rows.row_groups import ProductRows, RowGroups
from catalog.importing.rows.row_hashes import RowHashes
from catalog.models import ProductImport, Source, Variant

HIDDEN_PER_BATCH = 1_000
MANY_MISSING = gettext_noop(
    "The feed no longer has %(missing)s of %(members)s products, more than may be hidden without"
    " asking (%(share)s%%). Nothing is imported until an operator confirms or discards it."
)

MEMBERS = """
    SELECT of_source.sku, product.id FROM catalog_sourceproduct of_source
    JOIN catalog_product product ON product.id = of_source.product_id
    WHERE of_source.source_id = %s AND product.is_visible AND NOT EXISTS (
        SELECT FROM catalog_sourceproduct other JOIN catalog_source source
            ON source.id = other.source_id
        WHERE other.product_id = product.id AND source.is_full AND other.source_id <> %s)
"""
"""The visible products that this source alone names, of full ones."""

REMEMBER = """
    INSERT INTO catalog_sourceproduct AS known (product_id, source_id, sku, row_hash, rest_hash)
    SELECT product_id, %s, sku, row_hash, rest_hash
    FROM unnest(%s::bigint[], %s::text[], %s::bytea[], %s::bytea[])
        AS given (product_id, sku, row_hash, rest_hash)
    ON CONFLICT (product_id, source_id, sku)
        DO UPDATE SET row_hash = excluded.row_hash, rest_hash = excluded.rest_hash
    WHERE known.row_hash <> excluded.row_hash OR known.rest_hash <> excluded.rest_hash
"""
FORGET_OLDER = """
    DELETE FROM catalog_sourceproduct older
    WHERE source_id = %(source)s
        AND sku = ANY (ARRAY(
            SELECT sku FROM catalog_sourceproduct WHERE source_id = %(source)s
            GROUP BY sku HAVING count(*) > 1))
        AND EXISTS (
            SELECT FROM catalog_sourceproduct newer
            WHERE newer.source_id = older.source_id AND newer.sku = older.sku
                AND newer.product_id > older.product_id)
"""
"""Only few SKUs stand twice. They are found in one pass, because a join of all rows with themselves
is planned as if there were none while the statistics of the table do not know the source."""

HIDE = """
    UPDATE catalog_product SET is_visible = false, updated_at = now()
    WHERE id IN (
        SELECT id FROM catalog_product WHERE id = ANY(%s) AND is_visible
        ORDER BY id FOR NO KEY UPDATE)
"""


class TooManyMissing(ImportFailed):
    """A full feed lacks more products than may be hidden without asking. Nothing is written."""

    def __init__(self, missing: int, members: int) -> None:
        super().__init__(
            MANY_MISSING
            % {
                **{"missing": f"{missing:,}", "members": f"{members:,}"},
                "share": f"{settings.SOURCE_MAX_HIDDEN * 100:.0f}",
            }
        )
        self.missing = missing


class SourceGone(ImportFailed):
    """The source was deleted during the import."""


class SourceImport(RecordedImport):
    """The keeper of an import of a source. `notes` are sentences about what it has not done."""

    def __init__(
        self,
        product_import: ProductImport,
        source: Source,
        check: Callable[[], None] = lambda: None,
    ) -> None:
        super().__init__(product_import, check)
        self.is_partial = not source.is_full
        self.known = {} if source.reads_all else _read_known(source.pk)
        self.notes: list[str] = []
        self._source = source
        self._missing: list[tuple[str, int]] = []
        self._has_written = False

    def decide(self, groups: RowGroups) -> None:
        """Finds the products that the feed no longer has. Raises TooManyMissing."""
        if self.is_partial:
            return
        refused = Variant.objects.filter(sku__in=groups.refused_skus)
        spared = set(refused.values_list("product_id", flat=True))
        with connection.cursor() as cursor:
            cursor.execute(MEMBERS, [self._source.pk, self._source.pk])
            members = 0
            for sku, pk in cursor:
                members += 1
                if not groups.names(sku) and pk not in spared:
                    self._missing.append((sku, pk))
        if self._missing and groups.unnamed:
            self.notes.append(
                f"No product is hidden: {len(self._missing):,} are missing, but"
                f" {groups.unnamed:,} refused lines do not tell whose they are."
            )
            self._missing = []
        allowed = max(settings.SOURCE_MAX_HIDDEN * members, self._source.hides_up_to)
        if len(self._missing) > allowed:
            raise TooManyMissing(len(self._missing), members)

    def begin_batch(self) -> None:
        super().begin_batch()
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT FROM catalog_source WHERE id = %s FOR KEY SHARE", [self._source.pk]
            )
            if cursor.rowcount != 1:
                raise SourceGone(
                    "The source was deleted during the import. What it had written stays, and can"
                    " be taken back."
                )

    def end_batch(self, products: Sequence[ProductRows], ids: Mapping[str, int]) -> None:
        super().end_batch(products, ids)
        self._has_written = True
        others = [product.sku for product in products if product.sku not in ids]
        of_variants = Variant.objects.filter(sku__in=others) if self.is_partial else ()
        owners = {variant.sku: variant.product_id for variant in of_variants}
        given = [
            (pk, product.sku, *product.hashes)
            for product in products
            if (pk := ids.get(product.sku) or owners.get(product.sku))
        ]
        if given:
            with connection.cursor() as cursor:
                columns = [list(column) for column in zip(*given, strict=True)]
                cursor.execute(REMEMBER, [self._source.pk, *columns])

    def finish(self) -> None:
        """Hides what is missing."""
        for start in range(0, len(self._missing), HIDDEN_PER_BATCH):
            part = self._missing[start : start + HIDDEN_PER_BATCH]
            with transaction.atomic(), connection.cursor() as cursor:
                self.begin_batch()
                cursor.execute(HIDE, [sorted(pk for _, pk in part)])
                follow_import(None)
                cursor.execute(
                    "DELETE FROM catalog_sourceproduct WHERE source_id = %s AND sku = ANY(%s)",
                    [self._source.pk, [sku for sku, _ in part]],
                )
        if self._has_written:
            with connection.cursor() as cursor:
                cursor.execute(FORGET_OLDER, {"source": self._source.pk})


def _read_known(source_id: int) -> dict[str, RowHashes]:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT sku, row_hash, rest_hash FROM catalog_sourceproduct WHERE source_id = %s"
            " ORDER BY product_id",
            [source_id],
        )
        return {sku: RowHashes(bytes(whole), bytes(rest)) for sku, whole, rest in cursor}
