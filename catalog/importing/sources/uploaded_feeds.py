"""Feeds that operators upload in the console. Each is kept in a folder of its own below
UPLOADED_FEEDS, which an unguessable token names, until it is imported or too old."""

import json
import logging
import os
import re
import secrets
import shutil
import time
from collections.abc import Collection, Iterable, Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path, PurePosixPath

from django.conf import settings
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as _lazy

from catalog.importing.dry_run import PAGE_TIME_LIMIT_S, Preview, PreviewLimits, preview_file
from catalog.importing.errors import ImportFailed
from catalog.importing.sources.feed_files import safe_name
from catalog.importing.sources.reading_options import ReadingOptions

KEPT_S = 86_400.0
GONE = _lazy(
    "This file is not kept any more, or somebody else has uploaded it. Uploaded files are kept for"
    " a day. Choose the file again."
)
_TOKEN = re.compile(r"[\w-]{32}", re.ASCII)
_ABOUT = "about.json"

log = logging.getLogger("vitrina.importing")


class UploadGone(ImportFailed):
    """An uploaded file is not kept, or belongs to another user."""


@dataclass(frozen=True)
class UploadedFeed:
    """An uploaded file. `name` is the one that it had where it came from."""

    token: str
    name: str
    user_id: int
    options: ReadingOptions

    @property
    def path(self) -> Path:
        name = PurePosixPath(self.name.replace("\\", "/")).name
        # The feed is alone in its folder, because its rows may name images beside it.
        return _folder() / self.token / "feed" / safe_name(name, 60)


def keep_feed(
    parts: Iterable[bytes], name: str, user_id: int, options: ReadingOptions
) -> UploadedFeed:
    """Keeps an uploaded file. Raises ImportFailed if it cannot be written, or if it and others that
    wait would have more than IMPORT_UPLOADS_BYTES."""
    kept = UploadedFeed(secrets.token_urlsafe(24), name[-200:], user_id, options)
    try:
        _folder().mkdir(mode=0o700, parents=True, exist_ok=True)
        kept.path.parent.mkdir(parents=True)
        with kept.path.open("xb") as file:
            file.writelines(_within(parts, settings.IMPORT_UPLOADS_BYTES - _waiting_bytes()))
        about = {"name": kept.name, "user_id": user_id, "options": asdict(options)}
        (_folder() / kept.token / _ABOUT).write_text(json.dumps(about))
    except ImportFailed:
        remove_feed(kept.token)
        raise
    except OSError as error:
        remove_feed(kept.token)
        raise ImportFailed(
            _("The file cannot be kept: %(reason)s. Nothing is imported.")
            % {"reason": error.strerror or error}
        ) from error
    return kept


def _within(parts: Iterable[bytes], size: int) -> Iterator[bytes]:
    """Yields the parts. Raises ImportFailed if they have more bytes than `size`."""
    for part in parts:
        size -= len(part)
        if size < 0:
            most = settings.IMPORT_UPLOADS_BYTES // 1024**2
            raise ImportFailed(
                _(
                    "The uploaded files that wait for their import may have %(most)s MB together."
                    " Import or discard some of them, or try again when imports have finished."
                )
                % {"most": most}
            )
        yield part


def _waiting_bytes() -> int:
    """Returns the size of the uploaded files together."""
    total = 0
    for path in _folder().glob("*/feed/*"):
        with suppress(OSError):
            total += path.stat().st_size
    return total


def find_feed(token: str, user_id: int | None = None) -> UploadedFeed:
    """Returns an uploaded file. With `user_id`, only one of this user that is not too old. Raises
    UploadGone."""
    if not _TOKEN.fullmatch(token):
        raise UploadGone(str(GONE))
    about = _folder() / token / _ABOUT
    try:
        is_old = about.stat().st_mtime < time.time() - KEPT_S
        given = json.loads(about.read_bytes())
        options = ReadingOptions(**given.pop("options"))
        feed = UploadedFeed(token, options=options, **given)
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise UploadGone(str(GONE)) from error
    if not feed.path.is_file() or (user_id is not None and (is_old or feed.user_id != user_id)):
        raise UploadGone(str(GONE))
    return feed


def preview_upload(feed: UploadedFeed) -> Preview:
    """Reads the beginning of an uploaded file. Raises ImportFailed if it cannot be opened."""
    options = feed.options
    limits = PreviewLimits(time_limit_s=PAGE_TIME_LIMIT_S)
    return preview_file(feed.path, options.file_format, options.columns, options.feed, limits)


def remove_feed(token: str) -> None:
    """Removes an uploaded file. It may be gone already."""
    if _TOKEN.fullmatch(token):
        shutil.rmtree(_folder() / token, ignore_errors=True)


def remove_old_feeds(needed: Collection[str]) -> int:
    """Removes the files that are older than a day, except those with the tokens `needed`, which
    wait for their import. Returns their number."""
    removed = 0
    with suppress(FileNotFoundError), os.scandir(_folder()) as entries:
        for entry in entries:
            with suppress(FileNotFoundError):
                is_old = entry.stat().st_mtime < time.time() - KEPT_S
                if is_old and entry.name not in needed:
                    remove_feed(entry.name)
                    removed += 1
    if removed:
        log.info("%s uploaded files were too old and are removed", removed)
    return removed


def _folder() -> Path:
    return Path(settings.UPLOADED_FEEDS)
