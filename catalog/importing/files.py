"""Imports product files in batches, in any of the formats of `catalog.importing.formats`."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

from django.db import OperationalError

from catalog.importing.categories import CategoryTree
from catalog.importing.errors import ImportFailed
from catalog.importing.formats.column_mapping import ColumnMapping, read_mapping
from catalog.importing.formats.feed import FeedOptions
from catalog.importing.formats.opening import open_feed
from catalog.importing.photos.feed_images import ReadImage, open_files, read_image
from catalog.importing.rows.keeping import ImportKeeper
from catalog.importing.rows.row_groups import Note, ProductRows, RowGroups, batches
from catalog.importing.upsert import reprice_rows, upsert_rows
from catalog.importing.word_proposals import propose_words

BATCH_SIZE = 500
PRICES_BATCH_SIZE = 5_000  # rows of which only prices and stock are written


@dataclass
class ImportReport:
    """The number of products written, (line number, sentence) for each line refused, the number of
    words that wait to be accepted as tags, and (line number, sentence) for the first lines that
    were written with a change or twice, of which there are `noted`. `skus`: those of refused lines,
    by line, as far as they can be read. `changes_at`: the next moment at which a sale in the feed
    begins or ends."""

    written: int = 0
    errors: list[tuple[int, str]] = field(default_factory=list)
    proposed: int = 0
    notes: list[tuple[int, str]] = field(default_factory=list)
    noted: int = 0
    skus: dict[int, str] = field(default_factory=dict, compare=False)
    changes_at: datetime | None = None

    def refuse(self, line: int, reason: str, sku: str) -> None:
        self.errors.append((line, reason))
        if sku:
            self.skus[line] = sku

    def refused_lines(self) -> Iterator[tuple[int, str, str]]:
        """Yields line number, sku and reason of each line refused."""
        return ((line, self.skus.get(line, ""), reason) for line, reason in sorted(self.errors))


def import_file(
    path: Path,
    file_format: str | None = None,
    progress: Callable[[int], None] = lambda n: None,
    batch_size: int = BATCH_SIZE,
    mapping: Path | ColumnMapping | None = None,
    options: FeedOptions | None = None,
    images: Path | None = None,
    keeper: ImportKeeper | None = None,
    report: ImportReport | None = None,
) -> ImportReport:
    """Creates or updates every product of the file, or of the only feed in a zip archive. Image
    paths are relative to its folder, or to the root of the archive `images`. Bad lines are
    reported, and the other lines are written. After each batch, `progress` gets the number of its
    lines. `file_format` insists on a format, `mapping`, a file or what it says, names the columns
    of a table. `keeper` remembers the import. A given `report` is filled also if the import fails.
    Raises ImportFailed if a file cannot be read, or if the disk or the database is full, and
    FeedCutOff if the feed ends in the middle; the products before stay written."""
    columns = read_mapping(mapping) if isinstance(mapping, Path) else mapping
    report = ImportReport() if report is None else report
    with open_files(path, images) as (file, read):
        feed = open_feed(file, file_format, columns, options)
        try:
            note = feed.note
            note_image = None if feed.needs_images else note
            _import(feed.rows(), read, progress, batch_size, report, keeper, note, note_image)
        finally:
            report.notes, report.noted = sorted(feed.notes), feed.noted
    report.changes_at = feed.changes_at
    return report


def import_lines(
    lines: Iterable[tuple[int, Any]],
    folder: Path,
    progress: Callable[[int], None] = lambda n: None,
    batch_size: int = BATCH_SIZE,
) -> ImportReport:
    """Creates or updates the products of `lines`, each a line number and a decoded object or
    RecordError. Reads all lines before it writes, so that rows of one product may be anywhere among
    them. Image paths are relative to `folder`. Proposes the common words of the catalogue as tags.
    Otherwise does the same as `import_file`."""
    report = ImportReport()
    _import(lines, partial(read_image, folder), progress, batch_size, report)
    return report


def _import(
    lines: Iterable[tuple[int, Any]],
    read: ReadImage,
    progress: Callable[[int], None],
    batch_size: int,
    report: ImportReport,
    keeper: ImportKeeper | None = None,
    note: Note = lambda line, sentence: None,
    note_image: Note | None = None,
) -> None:
    """`note_image`: notes an image that cannot be read. None: its row is refused."""
    keeper = keeper or ImportKeeper()
    with RowGroups(report.refuse, keeper.known, keeper.is_partial, note) as groups:
        with _describe_write_errors(report, "A temporary file cannot be written"):
            failure = _collect(lines, groups)
        if report.errors:
            progress(len(report.errors))
        if failure is None:
            keeper.decide(groups)
            _write_prices(groups, progress, report, keeper)
        repriced = report.written
        changed = batches(groups.products(), batch_size)
        _write(changed, read, progress, report, keeper, note_image)
        if groups.unchanged:
            progress(groups.unchanged)
    if failure is not None:
        sentence = f"{failure} {report.written} products before this are written."
        raise type(failure)(sentence) from failure
    with _describe_write_errors(report):
        keeper.finish()
        if report.written > repriced or not (repriced or groups.unchanged):
            report.proposed = propose_words()
    report.errors.sort()


def _collect(lines: Iterable[tuple[int, Any]], groups: RowGroups) -> ImportFailed | None:
    """Collects the rows of a file. Returns why it cannot be read to its end, or None."""
    try:
        for line, raw in lines:
            groups.add(line, raw)
    except ImportFailed as error:
        groups.note_cut()
        return error
    return None


def _write_prices(
    groups: RowGroups, progress: Callable[[int], None], report: ImportReport, keeper: ImportKeeper
) -> None:
    """Writes the products of which only prices and stock have changed."""
    for batch in batches(groups.prices(), PRICES_BATCH_SIZE):
        with _describe_write_errors(report):
            written = reprice_rows(batch, keeper)
        groups.leave_out(written)
        report.written += len(written)
        progress(sum(len(product.rows) for product in written))


def _write(
    products: Iterable[list[ProductRows]],
    read: ReadImage,
    progress: Callable[[int], None],
    report: ImportReport,
    keeper: ImportKeeper,
    note_image: Note | None,
) -> None:
    categories = CategoryTree()
    for batch in products:
        left_out: dict[int, str] | None = None if note_image is None else {}
        with _describe_write_errors(report):
            written, refused = upsert_rows(batch, read, categories, keeper, left_out)
        report.written += written
        for line, reason in (left_out or {}).items():
            note_image(line, f"{reason}; it is left out")  # type: ignore[misc]
        skus = {row.line: row.record.sku for product in batch for row in product.rows}
        for line, reason in refused.items():
            report.refuse(line, reason, skus.get(line, ""))
        progress(sum(len(product.rows) for product in batch))


@contextmanager
def _describe_write_errors(
    report: ImportReport, failed: str = "A photo cannot be stored"
) -> Iterator[None]:
    """Raises ImportFailed if a batch cannot be written. Its transaction leaves nothing of it.
    `failed` says what an OSError means."""
    try:
        yield
    except (OSError, OperationalError) as error:
        if isinstance(error, OSError):
            reason = f"{failed}: {error.strerror or error}."
        else:
            reason = f"The database cannot write: {str(error).partition(chr(10))[0].rstrip('.')}."
        raise ImportFailed(
            f"{reason} {report.written} products are written, the others are not."
            " Remove the cause, then import the file again."
        ) from error
