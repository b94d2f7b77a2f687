"""Errors as the page tells them: the sentence for shoppers, in their language, and the status."""

import logging
from dataclasses import dataclass

from django.conf import settings
from django.db import InterfaceError, OperationalError
from django.utils.translation import gettext as _

from catalog.live_index import IndexNotReady
from catalog.visual.encoder import EncoderError
from catalog.visual.image_decoding import ImageError
from search.api.problems import describe
from search.request import RequestError

log = logging.getLogger("vitrina.page")

FORESEEN = (
    ImageError,
    RequestError,
    IndexNotReady,
    EncoderError,
    OperationalError,
    InterfaceError,
)
RETRY_AFTER_S = 5


@dataclass(frozen=True)
class PageError:
    """What went wrong: `code` is the public contract's, `sentence` is for people."""

    status: int
    code: str
    sentence: str

    @property
    def retry_after_s(self) -> int | None:
        """When it is worth trying again, for what passes by itself."""
        return RETRY_AFTER_S if self.status == 503 else None


def page_error(error: Exception) -> PageError:
    """The page's words for a foreseen error; the error's own where the page has none."""
    described = describe(error)
    if described is None:
        raise error
    status, code, sentence = described
    if status == 503:
        log.warning("%s: %s", code, error)
    return PageError(status, code, _sentences().get(code, sentence))


def _sentences() -> dict[str, str]:
    megabytes, megapixels = settings.IMAGE_MAX_BYTES // 1024**2, settings.IMAGE_MAX_PIXELS // 10**6
    return {
        "image_missing": _("Choose a photo, or write what you are looking for."),
        "image_unreadable": _("This photo is damaged or incomplete. Try the original, or another."),
        "image_type_unsupported": _(
            "This file is not a photo of a known kind. Send JPEG, PNG, WebP, HEIC or AVIF."
        ),
        "image_too_large": _("This photo is too large. Send one of at most %(size)s MB.")
        % {"size": megabytes},
        "image_too_many_pixels": _("This photo is too large. Send one of at most %(size)s Mpx.")
        % {"size": megapixels},
        "box_invalid": _("The selected part does not lie inside the photo: draw it again."),
        "not_found": _("This photo is not kept any more. Choose it again."),
        "index_not_ready": _(
            "The catalogue is being indexed for the first time. This takes a minute or two; "
            "the page goes on by itself."
        ),
        "unavailable": _("The search cannot be reached. It is tried again in a few seconds."),
    }
