"""The refused and the noted lines of an import as CSV, for spreadsheets."""

import csv
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TextIO, cast

from catalog.importing.errors import ImportFailed
from catalog.models import ProductImport, RefusedLine

HEADER = ("line", "sku", "reason", "result")
REFUSED, IMPORTED = "refused", "imported"
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")


def check_report(path: Path | None) -> None:
    """Raises ImportFailed if no report can be written there. Leaves an empty file, or the one that
    is there."""
    if path is not None:
        _open(path, "a").close()


def write_report(lines: Iterable[str], path: Path) -> None:
    """Writes a CSV file, which spreadsheets recognise as UTF-8. `lines`: of `report_lines` or
    `csv_lines`. Raises ImportFailed."""
    try:
        with _open(path, "w") as file:
            file.writelines(lines)
    except OSError as error:
        raise _cannot_write(path, error) from error


def _open(path: Path, mode: str) -> TextIO:
    try:
        return cast(TextIO, path.open(mode, newline="", encoding="utf-8-sig"))
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
    writer = csv.writer(_Echo())
    yield writer.writerow(HEADER)
    for line, sku, reason in refused:
        yield writer.writerow((line, defuse(sku), defuse(reason), REFUSED))
    for line, sentence in notes:
        yield writer.writerow((line, "", defuse(sentence), IMPORTED))


def defuse(text: str) -> str:
    """Returns a text that a spreadsheet does not take for a formula
    (https://owasp.org/www-community/attacks/CSV_Injection)."""
    return f"'{text}" if text.startswith(_FORMULA_STARTS) else text


class _Echo:
    """A file that returns what is written to it."""

    def write(self, text: str) -> str:
        return text
