"""The refused and the noted lines of an import as CSV, for spreadsheets."""

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TextIO, cast

from catalog.importing.errors import ImportFailed
from catalog.importing.history.csv_tables import table_lines
from catalog.models import ProductImport, RefusedLine

HEADER = ("line", "sku", "reason", "result")
REFUSED, IMPORTED = "refused", "imported"


def check_report(path: Path | None) -> None:
    """Raises ImportFailed if no report can be written there. Leaves an empty file, or the one that
    is there."""
    if path is not None:
        _open(path, "a").close()


def write_report(lines: Iterable[str], path: Path) -> None:
    """Writes a CSV file. `lines`: of `report_lines` or `csv_lines`. Raises ImportFailed."""
    try:
        with _open(path, "w") as file:
            file.writelines(lines)
    except OSError as error:
        raise _cannot_write(path, error) from error


def _open(path: Path, mode: str) -> TextIO:
    try:
        return cast(TextIO, path.open(mode, newline="", encoding="utf-8"))
    except OSError as error:
        raise _cannot_write(path, error) from error


def _cannot_write(path: Path, error: OSError) -> ImportFailed:
    return ImportFailed(f"{path}: the report cannot be written: {error.strerror}.")


def report_lines(product_import: ProductImport, say: Callable[[str], str] = str) -> Iterator[str]:
    """Yields the lines of a CSV file of the lines that an import refused, and of the first that it
    noted. `say` returns a reason, which is stored in English, as the reader is to read it."""
    refused = RefusedLine.objects.filter(product_import=product_import).order_by("line", "id")
    stored = refused.values_list("line", "sku", "reason").iterator(chunk_size=2_000)
    return csv_lines(
        ((line, sku, say(reason)) for line, sku, reason in stored),
        ((line, say(sentence)) for line, sentence in product_import.notes),
    )


def csv_lines(
    refused: Iterable[tuple[int, str, str]], notes: Iterable[tuple[int, str]] = ()
) -> Iterator[str]:
    """Yields a header, and a line of CSV for each line refused (number, sku, reason) and for each
    note (number, sentence). No cell is a formula."""
    yield from table_lines(_rows(refused, notes))


def _rows(
    refused: Iterable[tuple[int, str, str]], notes: Iterable[tuple[int, str]]
) -> Iterator[tuple[str | int, ...]]:
    yield HEADER
    yield from ((line, sku, reason, REFUSED) for line, sku, reason in refused)
    yield from ((line, "", sentence, IMPORTED) for line, sentence in notes)
