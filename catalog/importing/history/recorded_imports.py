"""Records imports: begins one, lets the journal of the database follow it, and counts what it has
changed."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import islice

from django.db import connection, transaction
from django.utils import timezone

from catalog.importing.files import ImportReport
from catalog.importing.rows.keeping import ImportKeeper
from catalog.importing.rows.row_groups import ProductRows
from catalog.models import ApiKey, ImportedRow, ProductImport, RefusedLine, Source

KEPT_IMPORTS = 100  # of a source, of a key, or of files
LINES_PER_INSERT = 2_000
KEPT_NOTES = 100  # of an import
IMPORTS_LOCK = 0x5649_494D  # advisory, with the id of an import: a command is at work on it
State = ProductImport.State

COUNT = """
    SELECT count(*) FILTER (WHERE added), count(*) FILTER (WHERE NOT (added OR hidden OR removed)),
        count(*) FILTER (WHERE hidden), count(*) FILTER (WHERE removed)
    FROM (
        SELECT product_id,
            bool_or(relation = 1 AND op = 'I') AS added,
            bool_or(relation = 1 AND op = 'D') AS removed,
            bool_or(relation = 1 AND op = 'U'
                AND coalesce(after -> 'is_visible' = 'false', false)) AS hidden
        FROM catalog_importedrow WHERE product_import_id = %s AND op <> 'X'
        GROUP BY product_id
    ) AS product
"""


class RecordedImport(ImportKeeper):
    """The keeper of an import that can be taken back. `check` is called before each batch."""

    def __init__(
        self, product_import: ProductImport, check: Callable[[], None] = lambda: None
    ) -> None:
        self.product_import = product_import
        self._check = check

    def begin_batch(self) -> None:
        self._check()
        follow_import(self.product_import.pk)

    def end_batch(self, products: Sequence[ProductRows], ids: Mapping[str, int]) -> None:
        follow_import(None)


def begin_import(
    name: str,
    started_by: str = "",
    source: Source | None = None,
    api_key: ApiKey | None = None,
) -> ProductImport:
    """Begins an import of a source, of a key of the API, or of a file. Forgets the oldest ones of
    the same place."""
    begun = ProductImport.objects.create(
        name=name[:300], started_by=started_by[:150], source=source, api_key=api_key
    )
    of_place = begun.of_the_same_place().exclude(state__in=ProductImport.UNFINISHED)
    old = of_place.order_by("-pk").values_list("pk", flat=True)[KEPT_IMPORTS:]
    ProductImport.objects.filter(pk__in=list(old)).delete()
    return begun


def follow_import(pk: int | None) -> None:
    """Lets the journal follow what this transaction writes from now on; None ends that."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT set_config('vitrina.import', %s, true)", [str(pk or "")])


def finish_import(
    product_import: ProductImport, report: ImportReport | None = None, error: str = ""
) -> ProductImport | None:
    """Ends an import: counts what it changed, stores the lines that the report refuses and the
    first that it notes, and forgets the journals of earlier imports of the source. An import that
    has changed and refused nothing, and has not failed, leaves no trace, unless it is of an
    uploaded file. Returns it, or None."""
    report = report or ImportReport()
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute(COUNT, [product_import.pk])
            counts = cursor.fetchone()
        names = ("added", "changed", "hidden", "removed")
        for name, count in zip(names, counts, strict=True):
            setattr(product_import, name, count)
        product_import.refused = _store_lines(product_import, report.refused_lines())
        product_import.noted, product_import.notes = report.noted, report.notes[:KEPT_NOTES]
        product_import.state = State.FAILED if error else State.SUCCEEDED
        product_import.error, product_import.finished_at = error, timezone.now()
        traces = product_import.refused or error or product_import.upload
        if not (product_import.has_changes or traces):
            product_import.delete()
            return None
        of_report = ("refused", "noted", "notes", "state", "error", "finished_at")
        product_import.save(update_fields=[*names, *of_report])
        if product_import.has_changes:
            _forget_earlier_journals(product_import)
    return product_import


@contextmanager
def recorded_import(name: str, started_by: str, report: ImportReport) -> Iterator[RecordedImport]:
    """Records an import without a source within the context, which fills the report. An exception
    ends it as failed."""
    settle_imports()
    begun = begin_import(name, started_by)
    with connection.cursor() as cursor:  # until the import or its connection ends
        cursor.execute("SELECT pg_advisory_lock(%s, %s)", [IMPORTS_LOCK, begun.pk])
    try:
        yield RecordedImport(begun)
    except BaseException as error:
        finish_import(begun, report, str(error) or type(error).__name__)
        raise
    else:
        finish_import(begun, report)
    finally:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_unlock(%s, %s)", [IMPORTS_LOCK, begun.pk])


def settle_imports() -> None:
    """Ends imports without a source whose process was killed."""
    running = ProductImport.objects.filter(
        source=None, api_key=None, chunk_id=None, upload="", state=State.RUNNING
    )
    for killed in running:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SELECT pg_try_advisory_xact_lock(%s, %s)", [IMPORTS_LOCK, killed.pk])
            if cursor.fetchone()[0]:
                finish_import(killed, error="It was interrupted. What it had written stays.")


def _store_lines(product_import: ProductImport, refused: Iterable[tuple[int, str, str]]) -> int:
    RefusedLine.objects.filter(product_import=product_import).delete()  # of an earlier attempt
    lines = (
        RefusedLine(
            product_import=product_import,
            line=line,
            sku=_storable(sku[:200]),
            reason=_storable(reason),
        )
        for line, sku, reason in refused
    )
    stored = 0
    while part := list(islice(lines, LINES_PER_INSERT)):
        RefusedLine.objects.bulk_create(part)
        stored += len(part)
    return stored


def _storable(text: str) -> str:
    """Returns a text without what PostgreSQL cannot store, which is why some lines are refused."""
    return text.encode(errors="replace").decode().replace("\0", "\N{REPLACEMENT CHARACTER}")


def _forget_earlier_journals(product_import: ProductImport) -> None:
    """Only the last import of a place can be taken back."""
    earlier = product_import.of_the_same_place().filter(pk__lt=product_import.pk)
    pks = list(earlier.exclude(state__in=ProductImport.UNFINISHED).values_list("pk", flat=True))
    ImportedRow.objects.filter(product_import__in=pks).delete()
