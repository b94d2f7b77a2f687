"""Imports product files in batches. The only format is JSON Lines."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any

from django.db import OperationalError

from catalog.importing.categories import CategoryTree
from catalog.importing.records import ProductRecord, RecordError, read_record
from catalog.importing.upsert import upsert_products
from catalog.importing.word_proposals import propose_words

BATCH_SIZE = 500


class ImportFailed(Exception):
    """An import has ended early; the message says why."""


@dataclass
class ImportReport:
    """The number of products written, (line number, sentence) for each line refused, and the number
    of words that wait to be accepted as tags."""

    written: int = 0
    errors: list[tuple[int, str]] = field(default_factory=list)
    proposed: int = 0


def import_file(
    path: Path,
    file_format: str | None = None,
    progress: Callable[[int], None] = lambda n: None,
    batch_size: int = BATCH_SIZE,
) -> ImportReport:
    """Creates or updates every product of the file. Image paths are relative to its folder. Bad
    lines are reported, and the other lines are written. After each batch, `progress` gets the
    number of its lines. Raises ImportFailed if the file cannot be read, or if the disk or the
    database is full; the batches before stay written."""
    reader = READERS.get(file_format or path.suffix.lower().lstrip("."))
    if reader is None:
        known = ", ".join(sorted(READERS))
        raise ImportFailed(f"{path.name}: the format is not known; use --format {known}.")
    if not path.is_file():
        raise ImportFailed(f"{path}: there is no such file.")
    return import_lines(reader(path), path.parent, progress, batch_size)


def import_lines(
    lines: Iterator[tuple[int, Any]],
    folder: Path,
    progress: Callable[[int], None] = lambda n: None,
    batch_size: int = BATCH_SIZE,
) -> ImportReport:
    """Creates or updates the products of `lines`, each a line number and a decoded object or
    RecordError. Image paths are relative to `folder`. Proposes the common words of the catalogue as
    tags. Otherwise does the same as `import_file`."""
    report, categories = ImportReport(), CategoryTree()
    while batch := list(islice(lines, batch_size)):
        good: list[tuple[int, ProductRecord]] = []
        for line, raw in batch:
            try:
                good.append((line, read_record(_raise_if_error(raw))))
            except RecordError as error:
                report.errors.append((line, str(error)))
        with _describe_write_errors(report):
            failed = upsert_products(
                [record for _, record in good],
                lambda name: read_image(folder, name),
                categories,
            )
        line_of = {record.sku: line for line, record in good}  # the last line of each sku
        report.errors += [(line_of[sku], reason) for sku, reason in failed.items()]
        report.written += len(line_of) - len(failed)
        progress(len(batch))
    with _describe_write_errors(report):
        report.proposed = propose_words()
    report.errors.sort()
    return report


@contextmanager
def _describe_write_errors(report: ImportReport) -> Iterator[None]:
    """Raises ImportFailed if a batch cannot be written. Its transaction leaves nothing of it."""
    try:
        yield
    except (OSError, OperationalError) as error:
        if isinstance(error, OSError):
            reason = f"A photo cannot be stored: {error.strerror or error}."
        else:
            reason = f"The database cannot write: {str(error).partition(chr(10))[0].rstrip('.')}."
        raise ImportFailed(
            f"{reason} {report.written} products are written, the others are not."
            " Remove the cause, then import the file again."
        ) from error


def read_image(folder: Path, name: str) -> bytes:
    """Returns the bytes of an image file below `folder`. Raises RecordError if the path leads out
    of the folder or cannot be read."""
    try:
        path = (folder / name).resolve()
        if not path.is_relative_to(folder.resolve()):
            raise RecordError(f"image {name!r} lies outside the folder of the file")
        return path.read_bytes()
    except OSError as error:
        raise RecordError(f"image {name!r} cannot be read: {error.strerror}") from error
    except RuntimeError as error:  # pathlib raises it for a loop of symbolic links
        raise RecordError(f"image {name!r} cannot be read: a loop of symbolic links") from error


def _raise_if_error(raw: Any) -> Any:
    if isinstance(raw, RecordError):
        raise raw
    return raw


def _read_json_lines(path: Path) -> Iterator[tuple[int, Any]]:
    """Yields (line number, decoded object or RecordError) for each line that is not blank."""
    for number, line in enumerate(_read_lines(path), 1):
        if not line.strip():
            continue
        try:
            yield number, json.loads(line)
        except UnicodeDecodeError:
            yield number, RecordError("not UTF-8 text")
        except (ValueError, RecursionError) as error:
            yield number, RecordError(f"not valid JSON: {error}")


def _read_lines(path: Path) -> Iterator[bytes]:
    try:
        with path.open("rb") as file:
            yield from file
    except OSError as error:
        raise ImportFailed(f"{path}: the file cannot be read: {error.strerror}.") from error


READERS = {"jsonl": _read_json_lines, "ndjson": _read_json_lines}
