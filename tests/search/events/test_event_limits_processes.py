"""The limits of events in gunicorn, whose processes count together."""

import json
import time
import uuid
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.support.processes import url_of_test_database
from tests.support.web_servers import WebServer, web_server

pytestmark = pytest.mark.django_db(transaction=True)

EVENTS_PER_CALL, EVENTS_PER_MINUTE = 100, 2_000


@pytest.fixture
def site(tmp_path: Path) -> Iterator[WebServer]:
    """gunicorn with two processes behind a proxy on another machine."""
    environment = {
        "DATABASE_URL": url_of_test_database(),
        "WEB_PROCESSES": "2",
        "WEB_THREADS": "4",
        "FORWARDED_ALLOW_IPS": "192.0.2.200",
        "EVENTS_PER_ADDRESS": str(EVENTS_PER_MINUTE),
    }
    with web_server(tmp_path, **environment) as server:
        yield server


def flood(server: WebServer) -> int:
    """Sends EVENTS_PER_CALL events of different sessions and users under a forged address. Returns
    the status, or 0 for a refusal without Retry-After."""
    events = [
        {"type": "click", "sku": "none", "session": uuid.uuid4().hex, "user": uuid.uuid4().hex}
        for _ in range(EVENTS_PER_CALL)
    ]
    forged = f"198.51.100.{uuid.uuid4().int % 250}"
    sent = {"Content-Type": "application/json", "X-Forwarded-For": forged, "X-Real-IP": forged}
    body = json.dumps(events).encode()
    status, headers, _ = server.request("/api/v1/events/", "POST", body, sent)
    return status if status == 202 or "Retry-After" in headers else 0


def test_an_address_is_limited_over_all_processes_and_threads(site: WebServer) -> None:
    begun = time.monotonic()
    with ThreadPoolExecutor(8) as pool:
        answers = Counter(pool.map(lambda _: flood(site), range(120)))
    minutes = (time.monotonic() - begun) / 60

    assert answers.keys() == {202, 429}
    maximum = EVENTS_PER_MINUTE / EVENTS_PER_CALL * (1 + minutes)
    assert EVENTS_PER_MINUTE / EVENTS_PER_CALL <= answers[202] <= maximum + 1
