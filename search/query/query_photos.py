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
from search.query.kept_photos import KeptPhoto
from search.request import SearchRequest

log = logging.getLogger("vitrina.search")

QUERY_ID = re.compile("[0-9a-f]{32}")


class QueryPhoto(NamedTuple):
    """A photo's file and its content hash. A kept photo also has the analysis of the whole photo,
    if an earlier search made one, and the query id `kept_as` under which it is kept."""

    data: bytes
    content_hash: str
    analysis: PhotoAnalysis | None = None
    kept_as: str = ""

    def analysis_by(self, encoder: Encoder) -> PhotoAnalysis | None:
        """Returns the kept analysis if this encoder made its vectors, else None."""
        analysis = self.analysis
        return analysis if analysis and analysis.encoder_checksum == encoder.checksum else None


def read_query_photos(request: SearchRequest) -> list[QueryPhoto]:
    """Returns the photos in the request, or the kept photo of the earlier query that the request
    names. Raises RequestError."""
    if len(request.images) > settings.IMAGES_PER_QUERY:
        raise RequestError(
            "parameter_invalid", f"Send at most {settings.IMAGES_PER_QUERY} images at once."
        )
    if request.images or not request.query:
        return [QueryPhoto(data, content_hash(data)) for data in request.images]
    kept = load_kept_photo(request.query)
    return [QueryPhoto(kept.data, content_hash(kept.data), kept.analysis, request.query)]


def load_kept_photo(query_id: str) -> KeptPhoto:
    """Returns the photo of an earlier query. Raises RequestError if it is not kept."""
    kept = kept_photos.load_photo(query_id) if QUERY_ID.fullmatch(query_id) else None
    if kept is None:
        raise RequestError(
            "not_found", "That photo is not kept any more: send the image again.", 404
        )
    return kept


def keep_photo(photos: Sequence[QueryPhoto], analysis: PhotoAnalysis | None) -> str:
    """Keeps the first photo and its analysis for QUERY_PHOTO_KEPT_S, and returns a new random query
    id for them. If the photo cannot be kept, for example on a full disk, later requests with the id
    fail."""
    query_id = secrets.token_hex(16)
    if photos and settings.QUERY_PHOTO_KEPT_S:
        photo = photos[0]
        if photo.kept_as and photo.analysis is analysis:
            with suppress(OSError):
                kept_photos.link_photo(query_id, photo.kept_as)
                return query_id
        try:
            kept_photos.store_photo(query_id, photo.data, analysis)
        except OSError as error:
            log.warning("the photo of a query is not kept: %s", error)
    return query_id
