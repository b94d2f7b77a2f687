"""The small copy of a query's photo that pages show."""

import logging
from io import BytesIO

from catalog.imaging.image_decoding import WHOLE
from search.query import kept_photos
from search.query.photo_decoding import decode_within
from search.query.query_photos import kept_photo
from search.serving.admission import Deadline, admission
from search.serving.single_flight import SingleFlightCache

log = logging.getLogger("vitrina.search")

SIZE = 1200  # pixels, the longer side
KEPT = 32  # in memory: concurrent requests for one share it

previews: SingleFlightCache[bytes] = SingleFlightCache(KEPT)


def photo_preview(query_id: str) -> bytes:
    """A JPEG of the photo of an earlier query. It is made when it is first asked for, under the
    admission of searches, and kept with the photo. Raises RequestError (Overloaded is one) or
    ImageError."""
    kept = kept_photo(query_id)
    known = kept_photos.load_preview(kept)
    if known is not None:
        return known
    deadline = Deadline()

    def make() -> bytes:
        image = decode_within(deadline, kept.data, WHOLE, at_least=SIZE)
        image.thumbnail((SIZE, SIZE))
        file = BytesIO()
        image.save(file, "JPEG", quality=85)
        return file.getvalue()

    # Those who wait for another's preview wait inside too: their threads are not for other pages.
    with admission.admitted(deadline), deadline.enforced():
        jpeg = previews.get(kept.preview, make, deadline.left())
    try:
        kept_photos.keep_preview(kept, jpeg)
    except OSError as error:
        log.warning("a preview is not kept: %s", error)
    return jpeg
