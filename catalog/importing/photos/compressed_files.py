"""Decompresses feeds that gzip has compressed. They come from strangers, so their sizes are
limited."""

import gzip
import tempfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from django.conf import settings

from catalog.importing.errors import FeedCutOff, ImportFailed
from catalog.importing.photos.photo_archives import MAX_FEED_RATIO

_MAGIC = b"\x1f\x8b"
_PART = 1024**2


def is_gzip(path: Path) -> bool:
    """Returns whether a file is compressed by gzip, whatever its name is. Raises OSError."""
    with path.open("rb") as file:
        return file.read(2) == _MAGIC


@contextmanager
def decompressed(path: Path) -> Iterator[Path]:
    """Decompresses a file to a temporary one within the context. Raises ImportFailed, and OSError
    if the disk is full."""
    with tempfile.TemporaryDirectory(prefix="vitrina-feed-") as folder:
        feed = Path(folder) / (path.name.removesuffix(".gz") or "feed")
        with feed.open("wb") as file:
            file.writelines(read_parts(path))
        yield feed


def read_parts(path: Path, *, is_cut: bool = False) -> Iterator[bytes]:
    """Yields the content of a file in parts, and decompresses it if it is compressed. With
    `is_cut`, only the beginning of a file is there, and is read as far as it goes. Raises
    ImportFailed if the content is larger than a feed can be or damaged, FeedCutOff if the file ends
    in the middle, and OSError."""
    if not is_gzip(path):
        with path.open("rb") as file:
            yield from iter(lambda: file.read(_PART), b"")
        return
    limit = min(settings.SOURCE_MAX_BYTES, max(_PART, MAX_FEED_RATIO * path.stat().st_size))
    size = 0
    try:
        with gzip.open(path) as file:
            while part := file.read1(_PART):  # what there is, also before a cut
                size += len(part)
                if size > limit:
                    raise ImportFailed(
                        f"{path.name}: the file decompresses to more than a feed can have"
                        f" ({limit / 1024**2:.0f} MB)."
                    )
                yield part
    except EOFError as error:
        if not is_cut:
            raise FeedCutOff(
                f"{path.name}: the compressed file ends in the middle. Nothing of it is imported."
            ) from error
    except (gzip.BadGzipFile, zlib.error) as error:
        raise ImportFailed(f"{path.name}: the compressed file is damaged.") from error
