"""Opens a feed with its images: files beside it, or the members of an archive."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path

from catalog.importing.errors import ImportFailed
from catalog.importing.photos.compressed_files import decompressed, is_gzip
from catalog.importing.photos.photo_archives import ArchiveError, open_archive
from catalog.importing.records import RecordError

FEED_SUFFIXES = (".jsonl", ".ndjson", ".csv", ".tsv", ".txt", ".xml", ".yml")
ReadImage = Callable[[str], bytes]
"""Returns the bytes behind an image path of a record, or raises RecordError."""


@contextmanager
def open_files(path: Path, images: Path | None = None) -> Iterator[tuple[Path, ReadImage]]:
    """Opens a feed, which may be compressed by gzip, or the archive that it is in, and the archive
    of its images, within the context. Yields the file of the feed and a function that reads its
    images. Raises ImportFailed."""
    if not path.is_file():
        raise ImportFailed(f"{path}: there is no such file.")
    with ExitStack() as stack:
        feed = path
        read: ReadImage = partial(read_image, path.parent)
        try:
            if path.suffix.lower() == ".zip":
                archive = stack.enter_context(open_archive(path))
                feed = stack.enter_context(archive.extract_feed(FEED_SUFFIXES))
                read = archive.read_image
            elif is_gzip(path):
                feed = stack.enter_context(decompressed(path))
            if images is not None:
                read = stack.enter_context(open_archive(images)).read_image
        except ArchiveError as error:
            raise ImportFailed(str(error)) from error
        except OSError as error:
            raise ImportFailed(f"{path}: the feed cannot be unpacked: {error.strerror}.") from error
        yield feed, read


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
