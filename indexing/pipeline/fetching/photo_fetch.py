"""Fetches one photo, checks that it is one, and stores it."""

from collections.abc import Mapping
from dataclasses import dataclass

from django.conf import settings
from django.core.files.storage import default_storage

from catalog.imaging.decoder_process import DecoderPool, DecodingTimeout
from catalog.imaging.image_decoding import ImageError, ImageLimits
from catalog.importing.fetching.guarded_client import FetchFailed, GuardedClient
from catalog.importing.fetching.web_address import AddressError, parse_address
from catalog.importing.photos.photo_files import store_photo, suffix_of
from catalog.models.product import content_hash
from indexing.pipeline.fetching.claims import Claim

MIN_DECODED_SIDE = 224  # pixels; photos are decoded at the smallest scale with such a side
MAX_CPU_S = 10.0  # processor time for decoding one photo
MAX_WAIT_S = 30.0  # for a decoder, and for decoding
MAX_ETAG_LENGTH, MAX_DATE_LENGTH = 500, 100  # longer ones are not remembered


@dataclass(frozen=True)
class Fetched:
    """A photo is in the storage. `etag` and `last_modified` are the server's, or empty."""

    file: str
    content_hash: str
    etag: str
    last_modified: str


@dataclass(frozen=True)
class Unchanged:
    """The photo is still the one that was fetched before."""

    etag: str
    last_modified: str


Outcome = Fetched | Unchanged | FetchFailed
"""What came of a claim."""


def fetch_photo(claim: Claim, client: GuardedClient, decoders: DecoderPool) -> Outcome:
    """Fetches the photo of an address, or finds that it is unchanged. A photo is decoded before it
    is stored, in a process with limits, because its sender is a stranger. Raises OSError if it
    cannot be stored."""
    known = claim.content_hash if _is_stored(claim) else ""
    try:
        headers = _conditions(claim) if known else {}
        limit = settings.IMAGE_MAX_BYTES
        with client.get(parse_address(claim.address), limit, headers) as answer:
            if answer.status == 304 and known:
                return Unchanged(claim.etag, claim.last_modified)
            if answer.status != 200:
                return FetchFailed(f"The server answered with the status {answer.status}.")
            data, sent = answer.read(), answer.headers
        etag = _short(sent.get("etag", ""), MAX_ETAG_LENGTH)
        last_modified = _short(sent.get("last-modified", ""), MAX_DATE_LENGTH)
        if known and content_hash(data) == known:
            return Unchanged(etag, last_modified)
        _check_photo(data, sent, decoders)
    except FetchFailed as failure:
        return failure
    except AddressError as error:  # an older version was less strict
        return FetchFailed(f"The address is not valid: {error}.", is_final=True)
    return Fetched(*store_photo(data, suffix_of(data)), etag, last_modified)


def _is_stored(claim: Claim) -> bool:
    return bool(claim.content_hash) and default_storage.exists(claim.file)


def _conditions(claim: Claim) -> dict[str, str]:
    """Returns the headers by which a server recognises an unchanged file (RFC 9110, 13.1)."""
    conditions = {"If-None-Match": claim.etag, "If-Modified-Since": claim.last_modified}
    return {name: value for name, value in conditions.items() if value}


def _short(value: str, length: int) -> str:
    is_usable = len(value) <= length and value.isascii() and value.isprintable()
    return value if is_usable else ""


def _check_photo(data: bytes, headers: Mapping[str, str], decoders: DecoderPool) -> None:
    """Raises FetchFailed unless the data is a photo that can be indexed."""
    limits = ImageLimits(settings.IMAGE_MAX_BYTES, settings.IMAGE_MAX_PIXELS)
    try:
        decoders.decode(
            data, at_least=MIN_DECODED_SIDE, limits=limits, cpu_s=MAX_CPU_S, wait_s=MAX_WAIT_S
        )
    except DecodingTimeout as error:
        raise FetchFailed("The photo takes too long to read.") from error
    except ImageError as error:
        kind = headers.get("content-type", "").partition(";")[0].strip()
        start = data[:1000].lstrip(b"\xef\xbb\xbf \t\r\n").lower()
        if error.code == "image_type_unsupported" and start.startswith((b"<!doctype", b"<html")):
            raise FetchFailed("The server sent a web page in place of a photo.") from error
        if error.code == "image_missing":
            raise FetchFailed("The server sent an empty file.") from error
        if kind:
            raise FetchFailed(
                f"The server sent no usable photo (type {kind[:80]}): {error}"
            ) from error
        raise FetchFailed(f"The server sent no usable photo: {error}") from error
