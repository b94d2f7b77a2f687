"""Errors as the page shows them: a status, and a sentence in the shopper's language."""

import logging
from dataclasses import dataclass

from django.conf import settings
from django.db import InterfaceError, OperationalError
from django.utils.translation import gettext as _

from catalog.api.problems import photo_sentences, retry_after_s
from catalog.imaging.image_decoding import ImageError
from catalog.index.live_index import IndexNotReady
from catalog.visual.errors import EncoderError
from search.errors import RequestError, describe_error
from search.query.photo_addresses import AddressFailed
from search.query.query_photos import TooManyPhotos

log = logging.getLogger("vitrina.page")

EXPECTED_ERRORS = (
    ImageError,
    RequestError,
    IndexNotReady,
    EncoderError,
    OperationalError,
    InterfaceError,
)


@dataclass(frozen=True)
class PageError:
    """An error as the page shows it. `code` is a code of the public contract."""

    status: int
    code: str
    sentence: str

    @property
    def retry_after_s(self) -> int | None:
        """The seconds after which the page tries again by itself, or None if it does not."""
        return retry_after_s(self.status)


def page_error(error: Exception) -> PageError:
    """Returns the PageError of an expected error. If the page has a sentence for the error's code,
    this sentence replaces the error's own. Raises any other error again."""
    described = describe_error(error)
    if described is None:
        raise error
    status, code, sentence = described
    if status == 503:
        log.warning("%s: %s", code, error)
    sentences = _sentences()
    if isinstance(error, AddressFailed | TooManyPhotos):
        return PageError(status, code, sentences[type(error).__name__])
    return PageError(status, code, sentences.get(code, sentence))


def _sentences() -> dict[str, str]:
    return {
        **photo_sentences(),
        "image_missing": _("Choose a photo, or write what you are looking for."),
        AddressFailed.__name__: _(
            "We found no photo at this address. Save the photo and choose it here instead."
        ),
        TooManyPhotos.__name__: _("Choose at most %(count)s photos.")
        % {"count": settings.IMAGES_PER_QUERY},
        "box_invalid": _("The selected part is outside the photo. Draw the box again."),
        "not_found": _("We no longer have this photo. Choose it again."),
        "index_not_ready": _(
            "The catalogue is being prepared for its first search. This takes a minute or two. "
            "The page will continue by itself."
        ),
        "unavailable": _("Search is not available right now. We will try again in a few seconds."),
    }
