"""Makes previews: the small copies of shoppers' photos that pages show."""

import logging
from io import BytesIO

from catalog.imaging.image_decoding import WHOLE
from search.errors import RequestError
from search.query import kept_photos
from search.query.photo_decoding import decode_within
from search.query.query_photos import load_kept_photos
from search.serving.admission import admission
from search.serving.deadline import Deadline
from search.serving.single_flight import SingleFlightCache

log = logging.getLogger("vitrina.search")

MAX_PREVIEW_SIDE = 1200  # pixels
MAX_CACHED_PREVIEWS = 32

previews: SingleFlightCache[bytes] = SingleFlightCache(MAX_CACHED_PREVIEWS)


def get_preview(query_id: str, number: int = 0) -> bytes:
    """Returns a JPEG of a photo of an earlier query, by default the first. The first request makes
    it, which counts as a search for `admission`, and keeps it with the photo. Raises RequestError
    (Overloaded is one) or ImageError."""
    kept = load_kept_photos(query_id)
    if number >= len(kept.files):
        raise RequestError("not_found", "That search had fewer photos.", 404)
    preview = kept_photos.load_preview(kept, number)
    if preview is not None:
        return preview
    deadline = Deadline()

    def make_preview() -> bytes:
        image = decode_within(deadline, kept.files[number], WHOLE, at_least=MAX_PREVIEW_SIDE)
        image.thumbnail((MAX_PREVIEW_SIDE, MAX_PREVIEW_SIDE))
        file = BytesIO()
        image.save(file, "JPEG", quality=85)
        return file.getvalue()

    # A request that waits for another request's preview is admitted as well, because admission
    # limits the threads that searches and previews take from other pages.
    with admission.admitted(deadline), deadline.enforced():
        jpeg = previews.get(kept.preview_name(number), make_preview, deadline.left())
    try:
        kept_photos.store_preview(kept, number, jpeg)
    except OSError as error:
        log.warning("a preview is not kept: %s", error)
    return jpeg
