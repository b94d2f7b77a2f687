"""Reads images, and a feed beside them, from zip archives. Archives come from strangers, so their
sizes are limited, and nothing but a feed is unpacked to the disk."""

import struct
import tempfile
import zipfile
import zlib
from collections import Counter
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath

from django.conf import settings

from catalog.importing.records import RecordError

MAX_MEMBERS = 100_000
MAX_DIRECTORY_BYTES = 64 * 1024**2  # zipfile reads the list of members into memory
MAX_FEED_BYTES = 1024**3
MAX_FEED_RATIO = 200  # uncompressed bytes for each compressed one; texts have up to 50
_MAX_COMMENT = 65_535 + 22  # bytes at the end of an archive in which its last record begins
_IGNORED = ("__MACOSX/",)
_ENCRYPTED = 0x1
_PART = 1024**2


class ArchiveError(Exception):
    """An archive cannot be used. The message is a sentence."""


class PhotoArchive:
    """An open archive. Members are found by their paths, with slashes; paths of images are relative
    to the folder of the feed, or to the root if the feed is elsewhere."""

    def __init__(self, archive: zipfile.ZipFile, name: str) -> None:
        self._archive, self._name = archive, name
        self._folder = PurePosixPath()
        members = [info for info in archive.infolist() if not info.is_dir()]
        if len(members) > MAX_MEMBERS:
            raise ArchiveError(f"{name} has more than {MAX_MEMBERS:,} files.")
        paths = [_clean_path(info.filename) for info in members]
        self._members = dict(zip(paths, members, strict=True))
        self._doubled = {path for path, count in Counter(paths).items() if count > 1}

    def read_image(self, path: str) -> bytes:
        """Returns the bytes of an image. Raises RecordError."""
        wanted = _clean_path(f"{self._folder}/{path}")
        info = None if ".." in wanted.split("/") else self._members.get(wanted)
        if info is None:
            raise RecordError(f"image {path!r} is not in {self._name}")
        try:
            self._check_member(wanted, info)
            limit = settings.IMAGE_MAX_BYTES
            if info.file_size > limit:
                raise ArchiveError(f"it has more than {limit / 1024**2:g} MB")
            return b"".join(self._read(info, limit))
        except ArchiveError as error:
            raise RecordError(
                f"image {path!r} cannot be read from {self._name}: {error}"
            ) from error

    @contextmanager
    def extract_feed(self, suffixes: Collection[str]) -> Iterator[Path]:
        """Unpacks the only feed of the archive to a temporary file, within the context. `suffixes`
        are the endings of feeds, such as ".csv". A text file is a feed only if nothing else is.
        Raises ArchiveError, and OSError if the disk is full."""
        feeds = [path for path in self._members if _suffix(path) in suffixes]
        feeds = [path for path in feeds if not path.startswith(_IGNORED)]
        feeds = [path for path in feeds if _suffix(path) != ".txt"] or feeds
        if len(feeds) != 1:
            known = ", ".join(sorted(suffixes))
            found = (
                f"it has {len(feeds)}: {', '.join(sorted(feeds)[:3])}" if feeds else "it has none"
            )
            raise ArchiveError(f"{self._name} must have exactly one feed ({known}); {found}.")
        [path] = feeds
        info = self._members[path]
        try:
            self._check_member(path, info)
            limit = min(MAX_FEED_BYTES, max(_PART, MAX_FEED_RATIO * info.compress_size))
            if info.file_size > limit:
                raise ArchiveError("it is larger than a feed can be")
            with tempfile.TemporaryDirectory(prefix="vitrina-feed-") as folder:
                feed = Path(folder) / PurePosixPath(path).name
                with feed.open("wb") as file:
                    file.writelines(self._read(info, limit))
                self._folder = PurePosixPath(path).parent
                yield feed
        except ArchiveError as error:
            raise ArchiveError(f"{self._name}: {path} cannot be read: {error}.") from error

    def _check_member(self, path: str, info: zipfile.ZipInfo) -> None:
        if path in self._doubled:
            raise ArchiveError("the archive holds this name twice")
        if info.flag_bits & _ENCRYPTED:
            raise ArchiveError("it is encrypted")

    def _read(self, info: zipfile.ZipInfo, limit: int) -> Iterator[bytes]:
        """Yields the content of a member. Trusts no size that the archive declares."""
        size = 0
        try:
            with self._archive.open(info) as file:
                while part := file.read(_PART):
                    size += len(part)
                    if size > limit:
                        raise ArchiveError("it is larger than it says")
                    yield part
        except (zipfile.BadZipFile, zlib.error, EOFError, OSError, ValueError) as error:
            raise ArchiveError("it is damaged") from error
        except (NotImplementedError, RuntimeError) as error:
            raise ArchiveError("its compression is not known") from error


@contextmanager
def open_archive(path: Path) -> Iterator[PhotoArchive]:
    """Opens an archive within the context. Raises ArchiveError."""
    try:
        _check_directory(path)
        archive = zipfile.ZipFile(path)
    except OSError as error:
        raise ArchiveError(f"{path}: the archive cannot be read: {error.strerror}.") from error
    except (zipfile.BadZipFile, NotImplementedError, ValueError) as error:
        raise ArchiveError(f"{path}: the file is no zip archive, or it is damaged.") from error
    with archive:
        yield PhotoArchive(archive, path.name)


def _clean_path(path: str) -> str:
    """Returns a path with slashes and without `.`. A path that leads upwards stays as it is, and
    names no member, because members are never written to a path of their own."""
    parts = [part for part in path.replace("\\", "/").split("/") if part not in ("", ".")]
    return "/".join(parts)


def _suffix(path: str) -> str:
    return PurePosixPath(path).suffix.lower()


def _check_directory(path: Path) -> None:
    """Raises ArchiveError if the list of members is too long to be read (APPNOTE.TXT, 4.3.16 and
    4.3.14)."""
    with path.open("rb") as file:
        size = file.seek(0, 2)
        file.seek(max(0, size - _MAX_COMMENT))
        tail = file.read()
        at = tail.rfind(b"PK\5\6")
        if at < 0 or len(tail) < at + 22:
            raise zipfile.BadZipFile
        members, length = struct.unpack_from("<HI", tail, at + 10)
        zip64 = tail.rfind(b"PK\6\6", 0, at)
        if zip64 >= 0 and len(tail) >= zip64 + 48:
            members, length = struct.unpack_from("<QQ", tail, zip64 + 32)
    if members > MAX_MEMBERS:
        raise ArchiveError(f"{path.name} has more than {MAX_MEMBERS:,} files.")
    if length > MAX_DIRECTORY_BYTES:
        raise ArchiveError(f"{path.name}: the list of its files is too long.")
