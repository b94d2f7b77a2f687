"""Imports product files in batches, in any of the formats of `catalog.importing.formats`."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from django.db import OperationalError

from catalog.importing.categories import CategoryTree
from catalog.importing.errors import ImportFailed
from catalog.importing.formats.column_mapping import read_mapping
from catalog.importing.formats.feed import Feed, FeedOptions
from catalog.importing.formats.opening import open_feed
from catalog.importing.photos.feed_images import ReadImage, open_files, read_image
from catalog.importing.row_groups import ProductRows, RowGroups, batches
from catalog.importing.upsert import upsert_rows
from catalog.importing.word_proposals import propose_words

BATCH_SIZE = 500


@dataclass
class ImportReport:
    """The number of products written, (line number, sentence) for each line refused, the number of
    words that wait to be accepted as tags, and (line number, sentence) for lines that were written
    with a change or twice."""

    written: int = 0
    errors: list[tuple[int, str]] = field(default_factory=list)
    proposed: int = 0
    notes: list[tuple[int, str]] = field(default_factory=list)


def import_file(
    path: Path,
    file_format: str | None = None,
    progress: Callable[[int], None] = lambda n: None,
    batch_size: int = BATCH_SIZE,
    mapping: Path | None = None,
    options: FeedOptions | None = None,
    images: Path | None = None,
) -> ImportReport:
    """Creates or updates every product of the file, or of the only feed in a zip archive. Image
    paths are relative to its folder, or to the root of the archive `images`. Bad lines are
    reported, and the other lines are written. After each batch, `progress` gets the number of its
    lines. `file_format` insists on a format, `mapping` is a file that names the columns of a table.
    Raises ImportFailed if a file cannot be read, or if the disk or the database is full, and
    FeedCutOff if the feed ends in the middle; the products before stay written."""
    columns = read_mapping(mapping) if mapping else None
    with open_files(path, images) as (file, read):
        feed = open_feed(file, file_format, columns, options)
        report = _import(_records(feed), read, progress, batch_size)
    report.notes = sorted(feed.notes)
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
    return _import(lines, partial(read_image, folder), progress, batch_size)


def _import(
    lines: Iterable[tuple[int, Any]],
    read: ReadImage,
    progress: Callable[[int], None],
    batch_size: int,
) -> ImportReport:
    report = ImportReport()
    with RowGroups(lambda line, reason: report.errors.append((line, reason))) as groups:
        with _describe_write_errors(report, "A temporary file cannot be written"):
            failure = _collect(lines, groups)
        if report.errors:
            progress(len(report.errors))
        _write(batches(groups.products(), batch_size), read, progress, report)
    if failure is not None:
        sentence = f"{failure} {report.written} products before this are written."
        raise type(failure)(sentence) from failure
    with _describe_write_errors(report, "A photo cannot be stored"):
        report.proposed = propose_words()
    report.errors.sort()
    return report


def _collect(lines: Iterable[tuple[int, Any]], groups: RowGroups) -> ImportFailed | None:
    """Collects the rows of a file. Returns why it cannot be read to its end, or None."""
    try:
        for line, raw in lines:
            groups.add(line, raw)
    except ImportFailed as error:
        groups.note_cut()
        return error
    return None


def _write(
    products: Iterable[list[ProductRows]],
    read: ReadImage,
    progress: Callable[[int], None],
    report: ImportReport,
) -> None:
    categories = CategoryTree()
    for batch in products:
        with _describe_write_errors(report, "A photo cannot be stored"):
            written, refused = upsert_rows(batch, read, categories)
        report.written += written
        report.errors += refused.items()
        progress(sum(len(product.rows) for product in batch))


def _records(feed: Feed) -> Iterator[tuple[int, Any]]:
    """Yields the rows of a feed, and notes repeated skus."""
    seen: set[int] = set()  # hashes: small, also for millions of products
    for line, row in feed.rows():
        if isinstance(row, dict):
            sku = row.get("sku")
            if sku and not row.get("is_group"):
                if hash(str(sku)) in seen:
                    feed.note(line, f"sku {sku!r} is in the file again; this line counts")
                seen.add(hash(str(sku)))
        yield line, row


@contextmanager
def _describe_write_errors(report: ImportReport, failed: str) -> Iterator[None]:
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
