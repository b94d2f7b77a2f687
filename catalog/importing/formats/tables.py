"""Reads CSV and TSV files, and is the base of formats that are tables."""

import csv
from abc import abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, islice
from typing import ClassVar

from catalog.importing.errors import FeedCutOff, ImportFailed
from catalog.importing.formats.feed import Feed, FeedOptions, Row
from catalog.importing.formats.prices import find_decimal_mark
from catalog.importing.formats.text_encoding import TextSource
from catalog.importing.records import RecordError

MAX_CELL_LENGTH = 1 << 20
_DELIMITERS = ",;\t|"
_SAMPLE_LINES = 50
_SAMPLE_CHARACTERS = 1 << 18
_PRICED_ROWS = 1_000  # that tell the decimal mark
# A line after the last one. A reader that takes it for a part of a cell is inside a quotation.
_END = "\U000f0ffe end of the file"
_END_ROW = [_END]

csv.field_size_limit(MAX_CELL_LENGTH)


@dataclass(frozen=True)
class Table:
    """A CSV file whose first line names the columns. `skipped`: lines before that one."""

    source: TextSource
    delimiter: str
    header: list[str]
    skipped: int = 0

    def rows(self) -> Iterator[tuple[int, list[str] | RecordError]]:
        """Yields (line number, cells) for each row that is not blank, with one cell a column, and
        RecordError for a row with more or fewer cells. Raises FeedCutOff if the file ends inside a
        row, and ImportFailed if it is not CSV."""
        with self.source.open() as file:
            lines = _Lines(file)
            reader = csv.reader(chain(lines, _END_ROW), delimiter=self.delimiter)
            waiting: tuple[int, list[str]] | None = None
            width, begin = len(self.header), 1
            for cells in self._parse(reader):
                line, begin = begin, reader.line_num + 1
                if waiting is not None:
                    yield self._check(waiting, is_last=cells == _END_ROW, lines=lines)
                if cells == _END_ROW:
                    return
                if cells and cells[-1].endswith(_END):
                    raise FeedCutOff(_describe_cut(self.source, line))
                is_blank = not any(cells) or (len(cells) != width and not "".join(cells).strip())
                waiting = None if is_blank or line <= self.skipped + 1 else (line, cells)

    def _parse(self, reader: Iterator[list[str]]) -> Iterator[list[str]]:
        try:
            yield from reader
        except csv.Error as error:
            line = reader.line_num  # type: ignore[attr-defined]
            raise ImportFailed(
                f"{self.source.path.name}, line {line}: {error}. A quotation mark may be missing"
                " before."
            ) from error

    def _check(
        self, row: tuple[int, list[str]], is_last: bool, lines: "_Lines"
    ) -> tuple[int, list[str] | RecordError]:
        line, cells = row
        width = len(self.header)
        if len(cells) > width and not any(cells[width:]):
            cells = cells[:width]
        if len(cells) == width:
            return line, cells
        if is_last and len(cells) < width and not lines.last.endswith(("\n", "\r")):
            raise FeedCutOff(_describe_cut(self.source, line))
        return line, RecordError(f"the row has {len(cells)} cells, and the header {width}")


class _Lines:
    """The lines of a file. `last` is the one read last."""

    def __init__(self, lines: Iterable[str]) -> None:
        self._lines = lines
        self.last = ""

    def __iter__(self) -> Iterator[str]:
        for line in self._lines:
            self.last = line
            yield line


def _describe_cut(source: TextSource, line: int) -> str:
    return f"{source.path.name}: the file ends in the middle of the row of line {line}."


def read_table(source: TextSource) -> Table:
    """Finds the delimiter and the header. Raises ImportFailed if there is no header."""
    with source.open() as file:
        size, sample = 0, []
        for line in islice(file, _SAMPLE_LINES):
            size += len(line)
            if size > _SAMPLE_CHARACTERS:
                break
            sample.append(line)
    skipped = 0
    while skipped < len(sample) and not sample[skipped].strip(" ,;\t|\r\n"):
        skipped += 1
    named = sample[skipped].strip() if skipped < len(sample) else ""
    delimiter = ""
    if named.startswith("sep=") and len(named) == 5:  # Excel's own line
        delimiter, skipped = named[4], skipped + 1
    if skipped >= len(sample):
        raise ImportFailed(f"{source.path.name}: the file has no line that names its columns.")
    delimiter = delimiter or find_delimiter(sample[skipped:])
    header = next(csv.reader(sample[skipped:], delimiter=delimiter))
    return Table(source, delimiter, [name.strip() for name in header], skipped)


def find_delimiter(lines: Sequence[str]) -> str:
    """Returns the delimiter that splits the first line into most cells, and most of the other
    lines into as many."""
    best, best_score = ",", (False, 1)
    for delimiter in _DELIMITERS:
        # The last line of the sample may be the beginning of a row.
        rows = list(csv.reader(lines, delimiter=delimiter))
        width = len(rows[0])
        others = [row for row in rows[1:-1] if row] or [rows[0]]
        agreeing = sum(len(row) == width for row in others)
        score = (2 * agreeing > len(others) and width > 1, width)
        if score > best_score:
            best, best_score = delimiter, score
    return best


class TableFeed(Feed):
    """A table whose columns have known names. `columns` maps normalised names of columns to names
    that the format's reader uses, `meanings` maps those to fields of products where they differ.
    `price_columns` tell the decimal mark."""

    columns: ClassVar[dict[str, str]] = {}
    meanings: ClassVar[dict[str, str]] = {}
    price_columns: tuple[str, ...] = ("price",)

    def __init__(self, table: Table, options: FeedOptions) -> None:
        super().__init__(table.source, options)
        self.table = table
        self.places: list[tuple[int, str]] = []
        for place, column in enumerate(table.header):
            name = self._name(column)
            if not name or name in (known for _, known in self.places):
                self.ignored.append(column)
                continue
            self.places.append((place, name))
            self.understood[column] = self._meaning(name)
        self.decimal_mark = self._find_decimal_mark()

    @classmethod
    @abstractmethod
    def recognises(cls, header: Sequence[str]) -> bool:
        """Returns whether a table with these columns is in this format."""

    def _name(self, column: str) -> str:
        """Returns the reader's name of a column, or "" for a column that it does not use."""
        return self.columns.get(normalise_column(column), "")

    def _meaning(self, name: str) -> str:
        """Returns the field of products that a column is read for, given the reader's name."""
        return self.meanings.get(name, name)

    def _values(self) -> Iterator[tuple[int, dict[str, str] | RecordError]]:
        for line, cells in self.table.rows():
            if isinstance(cells, RecordError):
                yield line, cells
            else:
                yield line, {name: cells[place].strip() for place, name in self.places}

    def _find_decimal_mark(self) -> str:
        places = [place for place, name in self.places if name in self.price_columns]
        try:
            rows = [row for _, row in islice(self.table.rows(), _PRICED_ROWS)]
        except ImportFailed:  # reported when the rows are read
            return ""
        return find_decimal_mark(
            row[place] for row in rows if not isinstance(row, RecordError) for place in places
        )


class RowFeed(TableFeed):
    """A table in which each row is one product or variant."""

    @abstractmethod
    def _product(self, line: int, values: dict[str, str]) -> Row | None:
        """Turns the cells of one row, by the reader's names, into a row of `Feed.rows`. Returns
        None for a row that is no product. Raises RecordError."""

    def _read(self) -> Iterator[tuple[int, Row | RecordError]]:
        for line, values in self._values():
            if isinstance(values, RecordError):
                yield line, values
                continue
            try:
                row: Row | RecordError | None = self._product(line, values)
            except RecordError as error:
                error.sku = self._sku(values)
                row = error
            if row is not None:
                yield line, row

    def _sku(self, values: dict[str, str]) -> str:
        """Returns the sku of a row that cannot be read otherwise, or ""."""
        of_sku = (n for at, n in self.places if self.understood[self.table.header[at]] == "sku")
        return next((values[name] for name in of_sku if values[name]), "")


def normalise_column(name: str) -> str:
    """Returns the name of a column in lower case with single spaces."""
    return " ".join(name.lower().replace("_", " ").split())
