"""Reads the photos of a query: sent by the shopper, or kept from an earlier query."""

import logging
import re
import secrets
from collections.abc import Sequence
from contextlib import suppress
from typing import NamedTuple

from django.conf import settings

from catalog.detection.photo_analysis import PhotoAnalysis
from catalog.models.product import content_hash
from catalog.visual.encoder import Encoder
from search.errors import RequestError
from search.query import kept_photos
from search.query.kept_photos import KeptPhotos
from search.query.photo_addresses import fetch_photo
from search.request import SearchRequest
from search.serving.deadline import Deadline

log = logging.getLogger("vitrina.search")

QUERY_ID = re.compile("[0-9a-f]{32}")


class TooManyPhotos(RequestError):
    """A query has more photos than IMAGES_PER_QUERY."""

    def __init__(self) -> None:
        sentence = f"Send at most {settings.IMAGES_PER_QUERY} images at once."
        super().__init__("parameter_invalid", sentence)


class QueryPhoto(NamedTuple):
    """A photo's file and its content hash. A kept photo also has the query id `kept_as` under which
    it is kept, and if it is the only one, the analysis that an earlier search made of it."""

    data: bytes
    content_hash: str
    analysis: PhotoAnalysis | None = None
    kept_as: str = ""

    def analysis_by(self, encoder: Encoder) -> PhotoAnalysis | None:
        """Returns the kept analysis if this encoder made its vectors, else None."""
        analysis = self.analysis
        return analysis if analysis and analysis.encoder_checksum == encoder.checksum else None


def read_query_photos(request: SearchRequest, deadline: Deadline) -> list[QueryPhoto]:
    """Returns the kept photos of the earlier query that the request names, then those in the
    request, then the one at its address. Raises RequestError."""
    kept = load_kept_photos(request.query) if request.query else KeptPhotos((), None, "")
    count = len(kept.files) + len(request.images) + bool(request.address)
    if count > settings.IMAGES_PER_QUERY:
        raise TooManyPhotos
    fetched = [fetch_photo(request.address, deadline)] if request.address else []
    if new := [*request.images, *fetched]:
        return [QueryPhoto(data, content_hash(data)) for data in [*kept.files, *new]]
    return [
        QueryPhoto(data, content_hash(data), kept.analysis, request.query) for data in kept.files
    ]


def load_kept_photos(query_id: str) -> KeptPhotos:
    """Returns the photos of an earlier query. Raises RequestError if they are not kept."""
    kept = kept_photos.load_photos(query_id) if QUERY_ID.fullmatch(query_id) else None
    if kept is None:
        raise RequestError(
            "not_found", "That photo is not kept any more: send the image again.", 404
        )
    return kept


def keep_photos(photos: Sequence[QueryPhoto], analysis: PhotoAnalysis | None) -> str:
    """Keeps the photos and the analysis of a single one for QUERY_PHOTO_KEPT_S, and returns a new
    random query id for them. If they cannot be kept, for example on a full disk, later requests
    with the id fail."""
    query_id = secrets.token_hex(16)
    if photos and settings.QUERY_PHOTO_KEPT_S:
        photo = photos[0]
        if photo.kept_as and photo.analysis is analysis:
            with suppress(OSError):
                kept_photos.link_photos(query_id, photo.kept_as)
                return query_id
        try:
            kept_photos.store_photos(query_id, [photo.data for photo in photos], analysis)
        except OSError as error:
            log.warning("the photo of a query is not kept: %s", error)
    return query_id
