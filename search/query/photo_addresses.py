"""Fetches a photo from a web address that a shopper gives, from public hosts alone."""

from contextlib import closing

from django.conf import settings

from catalog.importing.fetching.guarded_client import FetchFailed, GuardedClient
from catalog.importing.fetching.network_guard import NetworkGuard
from catalog.importing.fetching.web_address import AddressError, is_address, parse_address
from search.errors import RequestError
from search.serving.admission import Admission
from search.serving.deadline import Deadline

MAX_FETCH_S = 5.0

# Slow servers of strangers never hold all of the searches that a process runs.
fetches = Admission(max(1, settings.SEARCHES_AT_ONCE // 2), settings.SEARCH_QUEUE)


class AddressFailed(RequestError):
    """There is no photo at an address. What the server answered is not told to shoppers: they
    could explore networks by it."""

    def __init__(self) -> None:
        super().__init__("image_unreadable", "No photo was found at this address.")


def names_photo(text: str) -> bool:
    """Whether the words of a search are the address of a photo."""
    return settings.PHOTO_ADDRESSES and is_address(text) and " " not in text.strip()


def fetch_photo(address: str, deadline: Deadline) -> bytes:
    """Returns the file at an address, within MAX_FETCH_S seconds and the deadline. Raises
    RequestError (AddressFailed and Overloaded are such)."""
    with fetches.admitted(deadline):
        # Imports may contact more hosts (IMPORT_ALLOWED_HOSTS) than shoppers.
        guard = NetworkGuard(settings.PHOTO_ADDRESS_HOSTS)
        client = GuardedClient(guard, min(MAX_FETCH_S, deadline.left()), connections=1)
        try:
            with (
                closing(client),
                client.get(parse_address(address), settings.IMAGE_MAX_BYTES) as answer,
            ):
                return answer.read()
        except (AddressError, FetchFailed) as error:
            raise AddressFailed from error
