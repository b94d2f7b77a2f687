"""Opens the beginnings of feeds, to look at them."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from catalog.importing.errors import ImportFailed
from catalog.importing.fetching.guarded_client import Answer
from catalog.importing.fetching.web_address import is_address
from catalog.importing.photos.compressed_files import is_gzip, read_parts
from catalog.importing.sources.feed_files import check_place, file_name, find_file
from catalog.importing.sources.feed_requests import not_written, request_feed, temporary_folder

START_BYTES = 8 * 1024**2
TIME_LIMIT_S = 20.0
_TAIL = 1024**2


@contextmanager
def open_feed_start(text: str) -> Iterator[tuple[Path, bool]]:
    """Opens the beginning of the feed at an address, or a file below IMPORT_ROOT, within the
    context. Yields the file, and whether the feed has more. A zip archive is fetched as a whole,
    because the list of its members is at its end. Raises ImportFailed and FetchFailed."""
    if not is_address(text):
        path = find_file(text)
        if not path.is_file():
            raise ImportFailed(f"{text[:200]}: there is no such file below IMPORT_ROOT.")
        yield path, False
        return
    with temporary_folder() as folder:
        with request_feed(check_place(text), TIME_LIMIT_S) as answer:
            assert answer is not None  # the request had no conditions
            try:
                path, is_cut = _store_start(answer, folder / file_name(answer.address))
            except OSError as error:
                raise not_written(error) from error
        yield path, is_cut


def _store_start(answer: Answer, path: Path) -> tuple[Path, bool]:
    """Stores the first START_BYTES of an answer, decompressed, or all of an archive. Returns the
    file, and whether the feed has more."""
    size = None if path.suffix.lower() == ".zip" else START_BYTES
    is_cut = _store(answer.parts, path, size)
    if is_gzip(path):
        start = path.with_name(f"start-{path.name.removesuffix('.gz')}")
        is_cut |= _store(read_parts(path, is_cut=is_cut), start, size)
        path = start
    if is_cut:
        _end_after_row(path)
    return path, is_cut


def _store(parts: Iterator[bytes], path: Path, size: int | None) -> bool:
    """Stores the parts until there are `size` bytes. Returns whether there are more."""
    stored = 0
    with path.open("wb") as file:
        for part in parts:
            if size is not None and stored >= size:
                return True
            stored += file.write(part)
    return False


def _end_after_row(path: Path) -> None:
    """Cuts the rest of a line or an element from the end of a file: half a character would hide its
    encoding."""
    with path.open("rb+") as file:
        is_wide = file.read(2) in (b"\xff\xfe", b"\xfe\xff")  # UTF-16: two bytes a unit
        size = file.seek(0, 2)
        tail_at = file.seek(max(0, size - _TAIL))
        tail = file.read()
        end = (tail.rfind(b"\n") + 1 or tail.rfind(b">") + 1) if not is_wide else 0
        file.truncate(tail_at + end if end else size - size % 2)
