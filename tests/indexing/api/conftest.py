"""Fixtures of the tests of calls that control the index."""

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from catalog.api.access_keys import create_key
from tests.search.conftest import check_problem  # noqa: F401  (a fixture)


@pytest.fixture
def send(client: Client) -> Callable[..., Any]:
    """Returns a function that makes a call with a key for the index and the catalogue."""
    _, key = create_key("Operations", ["index", "catalog"], "test")

    def call(method: str, path: str, body: Any = None) -> Any:
        headers = {"Authorization": f"Bearer {key}"}
        path = f"/api/v1/{path}"
        return getattr(client, method)(path, body, content_type="application/json", headers=headers)

    return call
