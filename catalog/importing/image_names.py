"""Checks how a record names its images: by paths, or by web addresses."""

from typing import Any

from catalog.importing.fetching.network_guard import AddressRefused, configured_guard
from catalog.importing.fetching.web_address import AddressError, is_address, parse_address
from catalog.models.attributes import is_unicode


class ImageNameError(ValueError):
    """An image is named by something that is neither a path nor an address. The message says
    why."""


def check_image_name(value: Any) -> str:
    """Returns a path as it is, and an address normalised. Raises ImageNameError, also for an
    address that may never be fetched, as far as it can be told without resolving its host."""
    if not isinstance(value, str) or not value.strip() or "\0" in value or not is_unicode(value):
        raise ImageNameError("images must be a list of file paths and web addresses")
    if not is_address(value):
        return value
    try:
        address = parse_address(value)
        configured_guard().check_address(address)
    except AddressError as error:
        raise ImageNameError(f"image {value[:200]!r} cannot be fetched: {error}") from error
    except AddressRefused as error:
        raise ImageNameError(f"image {value[:200]!r} cannot be fetched: {error}") from error
    return str(address)
