"""Opens the beginnings of feeds, to look at them."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from django.conf import settings

from catalog.importing.errors import ImportFailed
from catalog.importing.fetching.guarded_client import Answer, GuardedClient
from catalog.importing.fetching.network_guard import configured_guard
from catalog.importing.fetching.web_address import is_address, parse_address
from catalog.importing.sources.feed_files import check_place, file_name, find_file

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
    address = parse_address(check_place(text))
    client = GuardedClient(configured_guard(), TIME_LIMIT_S, connections=1)
    with tempfile.TemporaryDirectory(prefix="vitrina-feed-") as folder:
        try:
            with client.get(address, settings.SOURCE_MAX_BYTES) as answer:
                path = Path(folder) / file_name(answer.address)
                is_cut = _store_start(answer, path)
        finally:
            client.close()
        yield path, is_cut


def _store_start(answer: Answer, path: Path) -> bool:
    """Stores the first START_BYTES of an answer, or all of an archive. Returns whether it has
    more."""
    is_archive, size, is_cut = path.suffix.lower() == ".zip", 0, False
    try:
        with path.open("wb") as file:
            for part in answer.parts:
                if is_cut := size >= START_BYTES and not is_archive:
                    break
                size += file.write(part)
    except OSError as error:
        raise ImportFailed(
            f"A temporary file cannot be written: {error.strerror or error}."
        ) from error
    if is_cut:
        _end_after_row(path)
    return is_cut


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
