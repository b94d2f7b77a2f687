"""The refused lines of an import as CSV, for spreadsheets."""

import csv
from collections.abc import Iterator
from typing import TextIO

from catalog.models import ProductImport, RefusedLine

HEADER = ("line", "sku", "reason")
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")


def write_report(product_import: ProductImport, file: TextIO) -> int:
    """Writes the lines that an import refused, with their numbers, skus and reasons. Returns their
    number."""
    writer = csv.writer(file)
    writer.writerow(HEADER)
    written = 0
    for row in _rows(product_import):
        writer.writerow(row)
        written += 1
    return written


def report_lines(product_import: ProductImport) -> Iterator[str]:
    """Yields the same line by line."""
    writer = csv.writer(_Echo())
    yield writer.writerow(HEADER)
    for row in _rows(product_import):
        yield writer.writerow(row)


def defuse(text: str) -> str:
    """Returns a text that a spreadsheet does not take for a formula
    (https://owasp.org/www-community/attacks/CSV_Injection)."""
    return f"'{text}" if text.startswith(_FORMULA_STARTS) else text


def _rows(product_import: ProductImport) -> Iterator[tuple[int, str, str]]:
    lines = RefusedLine.objects.filter(product_import=product_import).order_by("line", "id")
    for line in lines.iterator(chunk_size=2_000):
        yield line.line, defuse(line.sku), defuse(line.reason)


class _Echo:
    """A file that returns what is written to it."""

    def write(self, text: str) -> str:
        return text
