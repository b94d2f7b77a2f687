"""Opens feeds at web addresses, which are downloaded to a temporary file, and in files below
IMPORT_ROOT."""

import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import BinaryIO

from django.conf import settings
from django.utils.translation import gettext as _

from catalog.importing.errors import ImportFailed
from catalog.importing.fetching.guarded_client import Answer
from catalog.importing.fetching.network_guard import AddressRefused, configured_guard
from catalog.importing.fetching.web_address import (
    AddressError,
    WebAddress,
    is_address,
    parse_address,
)
from catalog.importing.photos.compressed_files import read_parts
from catalog.importing.sources.feed_requests import not_written, request_feed, temporary_folder
from catalog.models.product import content_hash

MAX_ETAG_LENGTH, MAX_DATE_LENGTH = 500, 100  # longer ones are not remembered
_PART = 1024**2
_UNUSUAL = re.compile(r"[^\w.-]+")
_ROW_ENDS = (b"</offer>", b"</item>", b"</entry>")


@dataclass(frozen=True)
class FeedFile:
    """A feed on this machine. `rows` is about the number of its rows. `etag` and `last_modified`
    are the server's, or empty."""

    path: Path
    content_hash: str
    rows: int
    etag: str = ""
    last_modified: str = ""


def check_place(text: str) -> str:
    """Returns an address normalised, and the path of a file as it is. Raises ImportFailed if it may
    not be read, as far as that can be told without reading it."""
    if not is_address(text):
        find_file(text)
        return text
    try:
        address = parse_address(text)
        configured_guard().check_address(address)
    except (AddressError, AddressRefused) as error:
        raise ImportFailed(
            _("%(address)s cannot be fetched: %(reason)s")
            % {"address": text[:200], "reason": error}
        ) from error
    return str(address)


@contextmanager
def open_feed_place(
    text: str,
    conditions: Mapping[str, str] | None = None,
    check: Callable[[], None] = lambda: None,
) -> Iterator[FeedFile | None]:
    """Opens the feed at an address or in a file below IMPORT_ROOT within the context. Yields None
    if the server answers to `conditions`, headers of a request, that it is unchanged. Raises
    ImportFailed and FetchFailed. Calls `check` during a download."""
    if not is_address(text):
        path = find_file(text)
        yield FeedFile(path, *_read_file(path))
        return
    with temporary_folder() as folder:
        with request_feed(text, settings.SOURCE_TIME_LIMIT_S, conditions) as answer:
            name = file_name(answer.address) if answer else ""
            feed = _store(answer, folder / name, check) if answer else None
        yield feed


def find_file(text: str) -> Path:
    """Returns the file of this path below IMPORT_ROOT. Raises ImportFailed if the path leads out of
    it, by symbolic links either."""
    root = Path(settings.IMPORT_ROOT).resolve()
    try:
        path = (root / text).resolve()
    except (OSError, RuntimeError, ValueError) as error:  # RuntimeError: a loop of links
        raise ImportFailed(
            _("%(path)r is not the path of a file.") % {"path": text[:200]}
        ) from error
    if not path.is_relative_to(root) or path == root:
        raise ImportFailed(
            _("%(path)s lies outside IMPORT_ROOT (%(root)s): sources may only name files below it.")
            % {"path": text[:200], "root": root}
        )
    return path


def _read_file(path: Path) -> tuple[str, int]:
    """Returns the hash of a file, and about the number of its rows."""
    if not path.is_file():
        raise ImportFailed(_("%(path)s: there is no such file.") % {"path": path})
    try:
        with path.open("rb") as file:
            digest = content_hash(iter(lambda: file.read(_PART), b""))
    except OSError as error:
        raise ImportFailed(f"{path}: the file cannot be read: {error.strerror}.") from error
    return digest, count_rows(path)


def count_rows(path: Path) -> int:
    """Returns about the number of rows of a feed: its lines, or its elements if it is XML. 1 if it
    cannot be read; the import will say so."""
    lines = elements = 0
    try:
        for part in read_parts(path):
            lines += part.count(b"\n")
            elements += sum(map(part.count, _ROW_ENDS))
    except (ImportFailed, OSError):
        return 1
    return max(1, elements or lines)


def _store(answer: Answer, path: Path, check: Callable[[], None]) -> FeedFile:
    try:
        with path.open("wb") as file:
            digest = content_hash(_written(answer.parts, file, check))
    except OSError as error:
        raise not_written(error) from error
    etag = _short(answer.headers.get("etag", ""), MAX_ETAG_LENGTH)
    modified = _short(answer.headers.get("last-modified", ""), MAX_DATE_LENGTH)
    return FeedFile(path, digest, count_rows(path), etag, modified)


def _written(parts: Iterator[bytes], file: BinaryIO, check: Callable[[], None]) -> Iterator[bytes]:
    for part in parts:
        check()
        file.write(part)
        yield part


def file_name(address: WebAddress) -> str:
    """Returns a name for the file, as sentences call it."""
    return safe_name(PurePosixPath(address.target.partition("?")[0]).name, 80)


def safe_name(name: str, max_length: int) -> str:
    """Returns a name for a file on the disk, with the ending of the given name."""
    return _UNUSUAL.sub("_", name)[-max_length:].strip("._") or "feed"


def _short(value: str, length: int) -> str:
    is_usable = len(value) <= length and value.isascii() and value.isprintable()
    return value if is_usable else ""
