"""Fixtures of the tests that fetch: a web server, and a client that may contact it."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

from catalog.importing.fetching.guarded_client import GuardedClient
from catalog.importing.fetching.network_guard import NetworkGuard, Resolve
from tests.catalog.importing.fetching.photo_server import PhotoServer


@pytest.fixture
def server() -> Iterator[PhotoServer]:
    with PhotoServer().running() as server:
        yield server


@pytest.fixture
def make_client(server: PhotoServer) -> Iterator[Callable[..., GuardedClient]]:
    """Makes a client that may contact the server, and whatever is public."""
    with ExitStack() as stack:

        def make(
            allowed: tuple[str, ...] | None = None,
            resolve: Resolve | None = None,
            time_limit_s: float = 10.0,
        ) -> GuardedClient:
            guard = NetworkGuard((server.host,) if allowed is None else allowed, resolve)
            client = GuardedClient(guard, time_limit_s)
            stack.callback(client.close)
            return client

        yield make


@pytest.fixture
def client(make_client: Callable[..., GuardedClient]) -> GuardedClient:
    return make_client()
