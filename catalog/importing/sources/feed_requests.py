"""Requests for feeds at web addresses."""

import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from django.conf import settings

from catalog.importing.errors import ImportFailed
from catalog.importing.fetching.guarded_client import Answer, GuardedClient
from catalog.importing.fetching.network_guard import configured_guard
from catalog.importing.fetching.web_address import AddressError, parse_address


@contextmanager
def request_feed(
    text: str, time_limit_s: float, conditions: Mapping[str, str] | None = None
) -> Iterator[Answer | None]:
    """Requests the feed at an address. The answer can be read within the context. Yields None if
    the server answers to `conditions`, headers of the request, that the feed is unchanged. Raises
    ImportFailed and FetchFailed."""
    try:
        address = parse_address(text)
    except AddressError as error:
        raise ImportFailed(f"{text[:200]} cannot be fetched: {error}.") from error
    client = GuardedClient(configured_guard(), time_limit_s, connections=1)
    try:
        with client.get(address, settings.SOURCE_MAX_BYTES, conditions) as answer:
            is_unchanged = answer.status == 304 and bool(conditions)
            if answer.status != 200 and not is_unchanged:
                raise ImportFailed(f"The server answered with the status {answer.status}.")
            yield None if is_unchanged else answer
    finally:
        client.close()


@contextmanager
def temporary_folder() -> Iterator[Path]:
    """Yields a folder that lasts as long as the context. Raises ImportFailed."""
    try:
        temporary = tempfile.TemporaryDirectory(prefix="vitrina-feed-")
    except OSError as error:
        raise not_written(error) from error
    with temporary as folder:
        yield Path(folder)


def not_written(error: OSError) -> ImportFailed:
    return ImportFailed(
        f"A temporary file cannot be written: {error.strerror or error}. Nothing is imported."
    )
