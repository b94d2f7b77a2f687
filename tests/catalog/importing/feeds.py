"""Reading feeds in tests: samples, and files written on the spot."""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from catalog.importing.formats.column_mapping import ColumnMapping
from catalog.importing.formats.feed import Feed, FeedOptions
from catalog.importing.formats.opening import open_feed
from catalog.importing.records import RecordError

SAMPLES = Path(__file__).parent / "samples"
NOW = datetime(2026, 1, 15, 12, tzinfo=UTC)  # sales of the samples are on
EXPORTED = datetime(2026, 11, 30, 12, tzinfo=UTC)  # sales of the whole exports are on
LATER = datetime(2026, 6, 1, tzinfo=UTC)
WriteFeed = Callable[..., Path]


def open_sample(name: str, now: datetime = NOW, **options: Any) -> Feed:
    return open_feed(SAMPLES / name, options=FeedOptions(now=now), **options)


def read(
    path: Path, file_format: str | None = None, mapping: ColumnMapping | None = None
) -> tuple[list[dict[str, Any]], dict[int, str]]:
    """Returns the rows of a file, and the sentences of those refused by their lines."""
    good, refused = [], {}
    for line, row in open_feed(path, file_format, mapping, FeedOptions(now=NOW)).rows():
        if isinstance(row, RecordError):
            refused[line] = str(row)
        else:
            good.append(row)
    return good, refused


def read_sample(name: str, now: datetime = NOW) -> dict[str, dict[str, Any]]:
    """Returns the rows of a sample by their skus."""
    return {row["sku"]: row for _, row in open_sample(name, now).rows()}
