"""Takes imports back. What somebody has changed since is left as it is.

It works in batches of products, each in a transaction that also removes their entries from the
journal, so that it can be interrupted and go on. First go the rows that the import has inserted, so
that the skus of what it has deleted are free again."""

from collections.abc import Callable, Sequence

from django.db import connection, transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from catalog.importing.history.rows_back import remove_inserted, restore_others
from catalog.importing.photos.named_addresses import lock_addresses
from catalog.models import ImportedRow, ProductImport

BATCH_PRODUCTS = 500
State = ProductImport.State
_KEPT = "K"  # the `op` of entries whose rows stay as they are
_PHASES = (
    ("op = 'I' AND relation IN (1, 2)", remove_inserted),
    (f"op <> '{_KEPT}'", restore_others),
)


class UndoRefused(Exception):
    """An import cannot be taken back. The message is a sentence."""


def last_import(source_id: int | None, api_key_id: int | None = None) -> ProductImport | None:
    """Returns the last import of a source, of a key of the API, or else of files, that has changed
    anything."""
    place = ProductImport(source_id=source_id, api_key_id=api_key_id)
    imports = place.of_the_same_place().exclude(state=State.WAITING)
    return imports.exclude(added=0, changed=0, hidden=0, removed=0).first()


def check_undo(product_import: ProductImport) -> None:
    """Raises UndoRefused if the import cannot be taken back."""
    named = {"import": _name(product_import)}
    if product_import.state == State.UNDONE:
        raise UndoRefused(_already_sentence(product_import) % named)
    if product_import.state == State.UNDOING:
        raise UndoRefused(_("%(import)s is being taken back.") % named)
    if product_import.state == State.RUNNING:
        raise UndoRefused(_("%(import)s is under way: let it finish first.") % named)
    last = last_import(product_import.source_id, product_import.api_key_id)
    if last is None or not product_import.has_changes:
        raise UndoRefused(_("%(import)s has changed nothing.") % named)
    if last.pk != product_import.pk:
        raise UndoRefused(
            _(
                "%(import)s is not the last one of its source or key. Only the last one, import"
                " %(last)s, can be taken back."
            )
            % {**named, "last": last.pk}
        )


def _already_sentence(product_import: ProductImport) -> str:
    if product_import.api_key_id is not None:
        return _("%(import)s is taken back already. To have its changes again, repeat the call.")
    if product_import.source_id is None:
        return _("%(import)s is taken back already. To have its changes again, import the file.")
    return _("%(import)s is taken back already. To have its changes again, pull the whole source.")


def request_undo(product_import: ProductImport, by: str) -> ProductImport:
    """Marks an import to be taken back. Raises UndoRefused."""
    with transaction.atomic():
        locked = ProductImport.objects.select_for_update().get(pk=product_import.pk)
        check_undo(locked)
        locked.state, locked.undone_by = State.UNDOING, by[:150]
        locked.save(update_fields=["state", "undone_by"])
    return locked


def undo_import(
    product_import: ProductImport,
    check: Callable[[], None] = lambda: None,
    report: Callable[[int], None] = lambda done: None,
) -> ProductImport:
    """Takes an import back that `request_undo` has marked, or goes on with it. Calls `report` with
    the number of journal entries that are done so far. `kept` then counts the products of which
    something has stayed, because somebody has changed it since."""
    done = 0
    for condition, act in _PHASES:
        while True:
            check()
            with transaction.atomic():
                products = _next_products(product_import.pk, condition)
                if not products:
                    break
                lock_addresses(shared=False)
                done += _undo_batch(product_import.pk, products, condition, act)
            report(done)
    with transaction.atomic():
        entries = ImportedRow.objects.filter(product_import=product_import)
        product_import.kept = entries.values("product_id").distinct().count()
        product_import.state, product_import.undone_at = State.UNDONE, timezone.now()
        product_import.save(update_fields=["kept", "state", "undone_at"])
        entries.delete()
    return product_import


def count_entries(product_import: ProductImport) -> int:
    """Returns the number of rows that an undo looks at."""
    return ImportedRow.objects.filter(product_import=product_import).count()


def describe_undo(product_import: ProductImport) -> str:
    """Says what came of an undo."""
    kept = product_import.kept
    rest = f" Of {kept:,} products something stays, because it has changed since." if kept else ""
    return f"{_name(product_import)} is taken back.{rest}"


def _name(product_import: ProductImport) -> str:
    return _("Import %(id)s of %(name)s") % {"id": product_import.pk, "name": product_import.name}


def _next_products(pk: int, condition: str) -> list[int]:
    with connection.cursor() as cursor:
        cursor.execute(
            f"""
            SELECT DISTINCT product_id FROM catalog_importedrow
            WHERE product_import_id = %s AND {condition} ORDER BY product_id LIMIT %s
            """,
            [pk, BATCH_PRODUCTS],
        )
        return [row[0] for row in cursor.fetchall()]


def _undo_batch(
    pk: int,
    products: Sequence[int],
    condition: str,
    act: Callable[[int, Sequence[int]], None],
) -> int:
    """Undoes the entries of some products, and removes them. Returns their number."""
    act(pk, products)
    with connection.cursor() as cursor:
        cursor.execute(
            f"""
            DELETE FROM catalog_importedrow
            WHERE product_import_id = %s AND product_id = ANY(%s) AND {condition}
            """,
            [pk, list(products)],
        )
        return int(cursor.rowcount)
