"""The refused lines of an import as CSV, for spreadsheets."""

import csv
from collections.abc import Iterable, Iterator
from pathlib import Path

from catalog.models import ProductImport, RefusedLine

HEADER = ("line", "sku", "reason")
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")


def write_report(lines: Iterable[str], path: Path) -> None:
    """Writes a CSV file, which spreadsheets recognise as UTF-8. `lines`: of `report_lines` or
    `csv_lines`."""
    with path.open("w", newline="", encoding="utf-8-sig") as file:
        file.writelines(lines)


def report_lines(product_import: ProductImport) -> Iterator[str]:
    """Yields the lines of a CSV file of the lines that an import refused."""
    refused = RefusedLine.objects.filter(product_import=product_import).order_by("line", "id")
    stored = refused.values_list("line", "sku", "reason").iterator(chunk_size=2_000)
    return csv_lines(stored)


def csv_lines(lines: Iterable[tuple[int, str, str]]) -> Iterator[str]:
    """Yields a header, and a line of CSV for each refused line. No cell is a formula."""
    writer = csv.writer(_Echo())
    yield writer.writerow(HEADER)
    for line, sku, reason in lines:
        yield writer.writerow((line, defuse(sku), defuse(reason)))


def defuse(text: str) -> str:
    """Returns a text that a spreadsheet does not take for a formula
    (https://owasp.org/www-community/attacks/CSV_Injection)."""
    return f"'{text}" if text.startswith(_FORMULA_STARTS) else text


class _Echo:
    """A file that returns what is written to it."""

    def write(self, text: str) -> str:
        return text
