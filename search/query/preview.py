"""The small copy of a query's photo that pages show."""

import logging
from io import BytesIO

from catalog.imaging.image_decoding import WHOLE
from search.query import kept_photos
from search.query.photo_decoding import decode_within
from search.query.query_photos import load_kept_photo
from search.serving.admission import Deadline, admission
from search.serving.single_flight import SingleFlightCache

log = logging.getLogger("vitrina.search")

MAX_SIDE = 1200  # pixels
MAX_CACHED = 32  # previews in memory

previews: SingleFlightCache[bytes] = SingleFlightCache(MAX_CACHED)


def get_preview(query_id: str) -> bytes:
    """A JPEG of the photo of an earlier query. The first request makes it, under the admission of
    searches, and keeps it with the photo. Raises RequestError (Overloaded is one) or ImageError."""
    photo = load_kept_photo(query_id)
    preview = kept_photos.load_preview(photo)
    if preview is not None:
        return preview
    deadline = Deadline()

    def make_preview() -> bytes:
        image = decode_within(deadline, photo.data, WHOLE, at_least=MAX_SIDE)
        image.thumbnail((MAX_SIDE, MAX_SIDE))
        file = BytesIO()
        image.save(file, "JPEG", quality=85)
        return file.getvalue()

    # Requests that wait for the preview of another request hold an admission as well. This leaves
    # the other threads to other pages.
    with admission.admitted(deadline), deadline.enforced():
        jpeg = previews.get(photo.preview, make_preview, deadline.left())
    try:
        kept_photos.store_preview(photo, jpeg)
    except OSError as error:
        log.warning("a preview is not kept: %s", error)
    return jpeg
