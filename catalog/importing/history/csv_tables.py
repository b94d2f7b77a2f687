"""Tables as CSV files for spreadsheets."""

import csv
import re
from collections.abc import Iterable, Iterator
from typing import Any

BYTE_ORDER_MARK = "\ufeff"  # by which spreadsheets recognise UTF-8
# What a spreadsheet takes for a formula, at the start of a cell. In some countries, spreadsheets
# take a semicolon for the end of a cell.
_FORMULA = re.compile(r"\A(?=[\t\r\n])|(?:\A|(?<=[;\t\r\n]))(?=[=+\-@＝＋－＠])")


def table_lines(rows: Iterable[Iterable[Any]]) -> Iterator[str]:
    """Yields the lines of a CSV file in UTF-8. No cell is a formula."""
    yield BYTE_ORDER_MARK
    writer = csv.writer(_Echo())
    for row in rows:
        yield writer.writerow([defuse(cell) if isinstance(cell, str) else cell for cell in row])


def defuse(text: str) -> str:
    """Returns a text that no part of is a formula for a spreadsheet
    (https://owasp.org/www-community/attacks/CSV_Injection)."""
    return _FORMULA.sub("'", text)


class _Echo:
    """A file that returns what is written to it."""

    def write(self, text: str) -> str:
        return text
