"""Shows what an import of a file would do, without writing anything."""

import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any

from django.utils.translation import gettext as _

from catalog.importing.errors import FeedCutOff, ImportFailed, grouped
from catalog.importing.formats.column_mapping import ColumnMapping, read_mapping
from catalog.importing.formats.feed import Feed, FeedOptions, Line
from catalog.importing.formats.opening import open_feed
from catalog.importing.photos.feed_images import open_files
from catalog.importing.records import ProductRecord, RecordError, read_record

READ_ROWS = 1_000
SHOWN_PRODUCTS = 5
MAX_SHOWN_CHARACTERS = 100
MAX_SHOWN_IMAGES = 3
PAGE_TIME_LIMIT_S = 10.0  # to read for a page


@dataclass(frozen=True)
class PreviewLimits:
    """How much of a file is read. `time_limit_s`: None sets no limit. `is_cut`: the file is only
    the beginning of the feed, so its end says nothing."""

    rows: int = READ_ROWS
    shown: int = SHOWN_PRODUCTS
    time_limit_s: float | None = None
    is_cut: bool = False


@dataclass(frozen=True)
class PreviewedProduct:
    """A row as the import would write it: a product, or a variant of one."""

    line: int
    record: ProductRecord

    @property
    def title(self) -> str:
        return self.record.fields["title"] or self.record.fields["title_ru"]

    def shown_fields(self) -> Iterator[tuple[str, str]]:
        """Yields name and text of each field that has a value. Long texts are cut."""
        record = self.record
        fields = {
            **record.fields,
            "category": " > ".join(record.category),
            "category_ru": " > ".join(record.category_ru),
            "images": _describe_images(record.images or ()),
            "group": record.group,
            "is_group": record.is_group or None,
            "options": ", ".join(f"{name}: {value}" for name, value in record.options.items()),
            **record.attributes,
        }
        for name, value in fields.items():
            if value not in ("", [], {}, None):
                yield name, _shorten(_describe(value))


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

    def describe(self) -> str:
        """Says how many rows are good, in a sentence or two."""
        sentences = [
            _("%(good)s of the first %(read)s products are good, %(refused)s would be refused.")
            % {
                **{"good": grouped(self.good), "read": grouped(self.read)},
                "refused": grouped(len(self.errors)),
            },
            "" if self.is_whole or self.failure else _("The file has more."),
            _("Nothing was written."),
        ]
        return " ".join(filter(None, sentences))


def preview_file(
    path: Path,
    file_format: str | None = None,
    mapping: Path | ColumnMapping | None = None,
    options: FeedOptions | None = None,
    limits: PreviewLimits | None = None,
    *,
    is_partial: bool = False,
) -> Preview:
    """Reads the first products of a file and keeps the first good ones. Takes the arguments of
    `files.import_file`. `is_partial`: the feed only adds and changes. Raises ImportFailed if the
    file cannot be opened."""
    columns = read_mapping(mapping) if isinstance(mapping, Path) else mapping
    with open_files(path) as (file, _):
        feed = open_feed(file, file_format, columns, options)
        return _preview(feed, limits or PreviewLimits(), is_partial)


def _preview(feed: Feed, limits: PreviewLimits, is_partial: bool) -> Preview:
    preview = Preview(feed.format, feed.source.encoding, feed.understood, feed.ignored, feed.notes)
    lines = _but_last(feed.rows()) if limits.is_cut else feed.rows()
    began, in_time = time.monotonic(), True
    try:
        for line, raw in islice(lines, limits.rows):
            _add(preview, line, raw, limits.shown, is_partial)
            if limits.time_limit_s and time.monotonic() - began > limits.time_limit_s:
                in_time = False
                break
        preview.is_whole = in_time and next(lines, None) is None and not limits.is_cut
    except FeedCutOff as error:
        preview.failure = "" if limits.is_cut else str(error)
    except ImportFailed as error:
        preview.failure = str(error)
    return preview


def _but_last(lines: Iterable[Line]) -> Iterator[Line]:
    """Yields all but the last row, which may be cut."""
    held: Line | None = None
    for line in lines:
        if held is not None:
            yield held
        held = line


def _add(preview: Preview, line: int, raw: Any, shown: int, is_partial: bool) -> None:
    preview.read += 1
    try:
        if isinstance(raw, RecordError):
            raise raw
        record = read_record(raw, is_partial=is_partial)
    except RecordError as error:
        preview.errors.append((line, str(error)))
        return
    preview.good += 1
    if len(preview.products) < shown:
        preview.products.append(PreviewedProduct(line, record))


def _describe(value: Any) -> str:
    if isinstance(value, bool):
        return _("yes") if value else _("no")
    listed = isinstance(value, list | tuple)
    return ", ".join(map(str, value)) if listed else str(value)


def _describe_images(images: tuple[str, ...]) -> str:
    more = len(images) - MAX_SHOWN_IMAGES
    named = ", ".join(_shorten(name) for name in images[:MAX_SHOWN_IMAGES])
    rest = " " + _("and %(number)s more") % {"number": more} if more > 0 else ""
    return f"{len(images)}: {named}{rest}" if images else ""


def _shorten(text: str) -> str:
    words = " ".join(text.split())
    return words[:MAX_SHOWN_CHARACTERS] + ("…" if len(words) > MAX_SHOWN_CHARACTERS else "")
