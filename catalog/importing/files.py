"""Reads product files and hands them on in batches. JSON Lines so far."""

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

BATCH = 500


class ImportFailed(Exception):
    """The file as a whole cannot be read; the message says why."""


@dataclass
class ImportReport:
    """What became of a file: products written, and (line number, sentence) for each refused."""

    written: int = 0
    errors: list[tuple[int, str]] = field(default_factory=list)


def import_file(
    path: Path, file_format: str | None = None, progress: Callable[[int], None] = lambda n: None
) -> ImportReport:
    """Upserts every product of `path`, whose image paths are relative to its folder. A bad line is
    reported and the others are written. `progress` is told how many lines were dealt with. Raises
    ImportFailed where the file cannot be read, or the disk or the database takes no more: the
    batches before stay written."""
    reader = READERS.get(file_format or path.suffix.lower().lstrip("."))
    if reader is None:
        known = ", ".join(sorted(READERS))
        raise ImportFailed(f"{path.name}: format not known; use --format {known}.")
    if not path.is_file():
        raise ImportFailed(f"{path}: there is no such file.")
    report, categories = ImportReport(), CategoryTree()
    lines = reader(path)
    while batch := _next_batch(lines, path):
        good: list[tuple[int, ProductRecord]] = []
        for line, raw in batch:
            try:
                good.append((line, read_record(_raise_if_error(raw))))
            except RecordError as error:
                report.errors.append((line, str(error)))
        with _stopping_short(report):
            failed = upsert_products(
                [record for _, record in good],
                lambda name: read_beside(path.parent, name),
                categories,
            )
        line_of = {record.sku: line for line, record in good}  # of two with one sku, the last
        report.errors += [(line_of[sku], reason) for sku, reason in failed.items()]
        report.written += len(line_of) - len(failed)
        progress(len(batch))
    report.errors.sort()
    return report


@contextmanager
def _stopping_short(report: ImportReport) -> Iterator[None]:
    """A batch that cannot be written ends the import with a sentence: nothing of it is."""
    try:
        yield
    except (OSError, OperationalError) as error:
        if isinstance(error, OSError):
            reason = f"A photo cannot be stored: {error.strerror or error}."
        else:
            reason = f"The database cannot write: {str(error).partition(chr(10))[0].rstrip('.')}."
        raise ImportFailed(
            f"{reason} {report.written} products are written, the next ones are not."
            " Remove the cause, then import the file again."
        ) from error


def read_beside(folder: Path, name: str) -> bytes:
    """The bytes of an image file below `folder`; a path that leads out of it is refused."""
    try:
        path = (folder / name).resolve()
        if not path.is_relative_to(folder.resolve()):
            raise RecordError(f"image {name!r} lies outside the folder of the file")
        return path.read_bytes()
    except OSError as error:
        raise RecordError(f"image {name!r} cannot be read: {error.strerror}") from error
    except RuntimeError as error:  # pathlib's word for links that go in a circle
        raise RecordError(f"image {name!r} cannot be read: a circle of links") from error


def _next_batch(lines: Iterator[tuple[int, Any]], path: Path) -> list[tuple[int, Any]]:
    try:
        return list(islice(lines, BATCH))
    except OSError as error:
        raise ImportFailed(f"{path}: the file cannot be read: {error.strerror}.") from error


def _raise_if_error(raw: Any) -> Any:
    if isinstance(raw, RecordError):
        raise raw
    return raw


def _json_lines(path: Path) -> Iterator[tuple[int, Any]]:
    """(line number, decoded object or RecordError) for each line that is not blank."""
    with path.open("rb") as file:
        for number, line in enumerate(file, 1):
            if not line.strip():
                continue
            try:
                yield number, json.loads(line)
            except UnicodeDecodeError:
                yield number, RecordError("not UTF-8 text")
            except (ValueError, RecursionError) as error:
                yield number, RecordError(f"not valid JSON: {error}")


READERS = {"jsonl": _json_lines, "ndjson": _json_lines}
