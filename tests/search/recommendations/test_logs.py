"""No log has the name of a user or a session, whatever a request asks for."""

import json

import pytest

from tests.support.web_servers import WebServer

pytestmark = pytest.mark.django_db

NAME = "recognisable-0123456789"
EVENTS, RECOMMENDATIONS = "/api/v1/events/", "/api/v1/recommendations/"
JSON = {"Content-Type": "application/json"}


@pytest.mark.long
def test_no_log_has_the_name_of_a_shopper(demo_server: WebServer) -> None:
    events = [{"type": "view", "product": 1, "session": NAME, "user": NAME}]
    bad = [{"type": "stare", "product": "\x00", "session": NAME, "at": NAME}]
    before = demo_server.log.stat().st_size
    answers = [
        demo_server.request(path, method, json.dumps(body).encode() if body else None, headers)
        for path, method, body, headers in [
            (EVENTS, "POST", events, JSON),
            (EVENTS, "POST", bad, JSON),
            (EVENTS, "POST", events * 501, JSON),
            (f"{RECOMMENDATIONS}?session={NAME}", "GET", None, {}),
            (f"{RECOMMENDATIONS}?session={NAME}&limit=x", "GET", None, {}),
            (f"{RECOMMENDATIONS}?session={NAME}&session={NAME}", "GET", None, {}),
            (f"{RECOMMENDATIONS}?user={NAME}", "GET", None, {}),
            (f"{RECOMMENDATIONS}?user={NAME}", "GET", None, {"Authorization": f"Bearer {NAME}"}),
            (f"{RECOMMENDATIONS}?user={NAME}", "GET", None, {"Host": "example.org"}),
            ("/for-you/", "GET", None, {"X-Session": NAME}),
            (f"{EVENTS}?session={NAME}", "DELETE", None, {}),
            (f"{EVENTS}?user={NAME}", "DELETE", None, {}),
        ]
    ]

    assert {status for status, _, _ in answers} >= {200, 202, 400, 403}
    assert all(status < 500 for status, _, _ in answers)
    log = demo_server.log.read_text()
    assert len(log) > before  # a refused host is logged
    assert NAME not in log
