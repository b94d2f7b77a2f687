"""Events from files of a shop: CSV or Parquet, checked like those of a call."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from django.conf import settings
from django.utils import timezone

from catalog.models import Event
from search.api.event_serializers import EventSerializer
from search.events.recording import record_events

ROWS_AT_ONCE = 5_000
MAX_REASONS = 20  # refused rows that the report names
COLUMNS = ("type", "product", "sku", "user", "session", "query", "at")
PARQUET = b"PAR1"


class EventFileError(Exception):
    """The file cannot be read. The message is a sentence for people."""


@dataclass
class EventFileReport:
    """The numbers of rows of a file, as `EventCounts` names them. `old`: before HISTORY_DAYS;
    `refused`: invalid, of which `reasons` names the first: (row from 1, sentence)."""

    accepted: int = 0
    repeated: int = 0
    unknown: int = 0
    old: int = 0
    refused: int = 0
    reasons: list[tuple[int, str]] = field(default_factory=list)


def import_events(path: Path, report_rows: Any = lambda rows: None) -> EventFileReport:
    """Stores the events of a file, in parts: a second import completes one that was interrupted,
    since events are stored once. Raises EventFileError. Calls `report_rows` with the number of
    rows after each part."""
    report = EventFileReport()
    oldest = timezone.now() - timedelta(days=settings.HISTORY_DAYS)
    Event.objects.prepare_months(oldest, timezone.now() + timedelta(days=31))
    row = 0
    for part in _read_rows(path):
        events = []
        for values in part:
            row += 1
            event = _checked(values, row, report)
            if event is None:
                continue
            if event["at"] < oldest:
                report.old += 1
            else:
                events.append(event)
        counts = record_events(events, "")
        report.accepted += counts.accepted
        report.repeated += counts.repeated
        report.unknown += counts.unknown
        report_rows(len(part))
    return report


def _checked(values: dict[str, Any], row: int, report: EventFileReport) -> dict[str, Any] | None:
    """Returns the validated event of a row, or None if it is refused."""
    given = {name: value for name, value in values.items() if value not in (None, "")}
    serializer = EventSerializer(data=given)
    if "at" in given and serializer.is_valid():
        return dict(serializer.validated_data)
    report.refused += 1
    if len(report.reasons) < MAX_REASONS:
        reasons = serializer.errors if "at" in given else {"at": ["An event of a file needs it."]}
        sentence = "; ".join(f"{name}: {texts[0]}" for name, texts in reasons.items())
        report.reasons.append((row, sentence))
    return None


def _read_rows(path: Path) -> Iterator[list[dict[str, Any]]]:
    """Yields the rows of a file in parts, with the keys of COLUMNS. Dates without a zone are UTC,
    as Django reads them."""
    import pyarrow as pa

    try:
        for batch in _open_batches(path):
            columns = [name for name in COLUMNS if name in batch.schema.names]
            if "type" not in columns:
                raise EventFileError(
                    f"{path.name} needs the columns type, at, product or sku, and user or session."
                )
            rows = batch.select(columns).to_pylist()
            for first in range(0, len(rows), ROWS_AT_ONCE):
                yield [_plain(row) for row in rows[first : first + ROWS_AT_ONCE]]
    except (OSError, pa.ArrowException) as error:
        raise EventFileError(f"{path.name} cannot be read: {error}.") from error


def _open_batches(path: Path) -> Iterator[Any]:
    import pyarrow as pa
    from pyarrow import csv, parquet

    with path.open("rb") as file:
        is_parquet = file.read(len(PARQUET)) == PARQUET
    if is_parquet:
        with parquet.ParquetFile(path) as opened:
            columns = [name for name in COLUMNS if name in opened.schema_arrow.names]
            yield from opened.iter_batches(ROWS_AT_ONCE, columns=columns)
        return
    texts = csv.ConvertOptions(column_types=dict.fromkeys(COLUMNS, pa.string()))
    with csv.open_csv(path, convert_options=texts) as reader:
        yield from reader


def _plain(row: dict[str, Any]) -> dict[str, Any]:
    """Returns a row with its time as text, which the serializer reads."""
    at = row.get("at")
    return {**row, "at": at.isoformat()} if isinstance(at, datetime) else row
