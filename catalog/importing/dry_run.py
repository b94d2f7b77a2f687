"""Shows what an import of a file would do, without writing anything."""

from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any

from catalog.importing.errors import ImportFailed
from catalog.importing.formats.column_mapping import read_mapping
from catalog.importing.formats.feed import Feed, FeedOptions
from catalog.importing.formats.opening import open_feed
from catalog.importing.photos.feed_images import open_files
from catalog.importing.records import ProductRecord, RecordError, read_record

READ_ROWS = 1_000
SHOWN_PRODUCTS = 5


@dataclass(frozen=True)
class PreviewedProduct:
    """A row as the import would write it: a product, or a variant of one."""

    line: int
    record: ProductRecord


@dataclass
class Preview:
    """The beginning of a file. `understood` maps columns or elements to fields of products,
    `ignored` lists the others. `products` are the first good ones, `good` counts those among the
    `read` rows, `errors` and `notes` are (line, sentence). `failure` says why the import would end
    early, or is empty. `is_whole`: the rows read are all that the file has."""

    format: str
    encoding: str
    understood: dict[str, str]
    ignored: list[str]
    notes: list[tuple[int, str]]
    products: list[PreviewedProduct] = field(default_factory=list)
    errors: list[tuple[int, str]] = field(default_factory=list)
    good: int = 0
    read: int = 0
    failure: str = ""
    is_whole: bool = False


def preview_file(
    path: Path,
    file_format: str | None = None,
    mapping: Path | None = None,
    options: FeedOptions | None = None,
    rows: int = READ_ROWS,
    shown: int = SHOWN_PRODUCTS,
) -> Preview:
    """Reads the first `rows` products of a file and keeps the first `shown` good ones. Takes the
    arguments of `files.import_file`. Raises ImportFailed if the file cannot be opened."""
    columns = read_mapping(mapping) if mapping else None
    with open_files(path) as (file, _):
        return _preview(open_feed(file, file_format, columns, options), rows, shown)


def _preview(feed: Feed, rows: int, shown: int) -> Preview:
    preview = Preview(feed.format, feed.source.encoding, feed.understood, feed.ignored, feed.notes)
    lines = feed.rows()
    try:
        for line, raw in islice(lines, rows):
            _add(preview, line, raw, shown)
        preview.is_whole = next(lines, None) is None
    except ImportFailed as error:
        preview.failure = str(error)
    return preview


def _add(preview: Preview, line: int, raw: Any, shown: int) -> None:
    preview.read += 1
    try:
        if isinstance(raw, RecordError):
            raise raw
        record = read_record(raw)
    except RecordError as error:
        preview.errors.append((line, str(error)))
        return
    preview.good += 1
    if len(preview.products) < shown:
        preview.products.append(PreviewedProduct(line, record))
