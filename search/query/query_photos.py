"""The photo of a query: the one that is sent, or the one of an earlier query, kept for a while."""

import logging
import re
import secrets
from collections.abc import Sequence
from contextlib import suppress
from typing import NamedTuple

from django.conf import settings

from catalog.detection.query_objects import SeenPhoto
from catalog.models.product import content_hash
from catalog.visual.encoder import Encoder
from search.query import kept_photos
from search.query.kept_photos import KeptPhoto
from search.request import RequestError, SearchRequest

log = logging.getLogger("vitrina.search")

QUERY_ID = re.compile("[0-9a-f]{32}")


class QueryPhoto(NamedTuple):
    """A photo's file, its content hash, what was seen in all of it when it was asked for before,
    and the query id under which it is kept already."""

    data: bytes
    name: str
    seen: SeenPhoto | None = None
    kept_as: str = ""

    def seen_by(self, encoder: Encoder) -> SeenPhoto | None:
        """What was seen, if it was this encoder that saw it."""
        return self.seen if self.seen and self.seen.encoder == encoder.checksum else None


def query_photos(request: SearchRequest) -> list[QueryPhoto]:
    """The photos of the request: those it brings, or the one of an earlier query. Raises
    RequestError."""
    if len(request.images) > settings.IMAGES_PER_QUERY:
        raise RequestError(
            "parameter_invalid", f"Send at most {settings.IMAGES_PER_QUERY} images at once."
        )
    if request.images or not request.query:
        return [QueryPhoto(data, content_hash(data)) for data in request.images]
    kept = kept_photo(request.query)
    return [QueryPhoto(kept.data, content_hash(kept.data), kept.seen, request.query)]


def kept_photo(query_id: str) -> KeptPhoto:
    """The photo of an earlier query. Raises RequestError where it is not kept."""
    kept = kept_photos.load(query_id) if QUERY_ID.fullmatch(query_id) else None
    if kept is None:
        raise RequestError(
            "not_found", "That photo is not kept any more: send the image again.", 404
        )
    return kept


def keep_photo(photos: Sequence[QueryPhoto], seen: SeenPhoto | None) -> str:
    """A new random query id, under which the first photo, and what was seen in all of it, can be
    asked for again for a while. Where the photo cannot be kept, as on a full disk, the id is that
    of this one answer."""
    query_id = secrets.token_hex(16)
    if photos and settings.QUERY_PHOTO_KEPT_S:
        photo = photos[0]
        if photo.kept_as and photo.seen is seen:
            with suppress(OSError):
                kept_photos.keep_longer(query_id, photo.kept_as)
                return query_id
        try:
            kept_photos.keep(query_id, photo.data, seen)
        except OSError as error:
            log.warning("the photo of a query is not kept: %s", error)
    return query_id
