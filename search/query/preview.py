"""Makes previews: the small copies of shoppers' photos that pages show."""

import logging
from io import BytesIO

from catalog.imaging.image_decoding import WHOLE
from search.query import kept_photos
from search.query.photo_decoding import decode_within
from search.query.query_photos import load_kept_photo
from search.serving.admission import admission
from search.serving.deadline import Deadline
from search.serving.single_flight import SingleFlightCache

log = logging.getLogger("vitrina.search")

MAX_PREVIEW_SIDE = 1200  # pixels
MAX_CACHED_PREVIEWS = 32

previews: SingleFlightCache[bytes] = SingleFlightCache(MAX_CACHED_PREVIEWS)


def get_preview(query_id: str) -> bytes:
    """Returns a JPEG of the photo of an earlier query. The first request makes it, which counts as
    a search for `admission`, and keeps it with the photo. Raises RequestError (Overloaded is one)
    or ImageError."""
    photo = load_kept_photo(query_id)
    preview = kept_photos.load_preview(photo)
    if preview is not None:
        return preview
    deadline = Deadline()

    def make_preview() -> bytes:
        image = decode_within(deadline, photo.data, WHOLE, at_least=MAX_PREVIEW_SIDE)
        image.thumbnail((MAX_PREVIEW_SIDE, MAX_PREVIEW_SIDE))
        file = BytesIO()
        image.save(file, "JPEG", quality=85)
        return file.getvalue()

    # A request that waits for another request's preview is admitted as well, because admission
    # limits the threads that searches and previews take from other pages.
    with admission.admitted(deadline), deadline.enforced():
        jpeg = previews.get(photo.preview, make_preview, deadline.left())
    try:
        kept_photos.store_preview(photo, jpeg)
    except OSError as error:
        log.warning("a preview is not kept: %s", error)
    return jpeg
