"""Spans of requests, statements and the stages of searches reach an OpenTelemetry collector, if a
setting names one. Without it, nothing of that is imported."""

import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from tests.search.conftest import DemoPhoto
from tests.support.processes import url_of_test_database, wait_until
from tests.support.web_servers import MULTIPART, multipart, web_server

REPOSITORY = Path(__file__).resolve().parents[3]
STAGES = {"search decode", "search embed", "search retrieve", "search rank"}


class Collector:
    """An HTTP server that takes spans by OTLP. `spans`: those that have arrived, with attributes
    as a dict; `services`: who sent them."""

    def __init__(self) -> None:
        self.spans: list[tuple[Any, dict[str, str]]] = []
        self.services: set[str] = set()
        collector = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                if self.path == "/v1/traces":
                    collector.take(ExportTraceServiceRequest.FromString(body))
                self.send_response(200)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *args: object) -> None:
                """Stays silent."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.address = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def take(self, sent: ExportTraceServiceRequest) -> None:
        for of_resource in sent.resource_spans:
            self.services |= {a.value.string_value for a in of_resource.resource.attributes}
            for scope in of_resource.scope_spans:
                for span in scope.spans:
                    attributes = {a.key: a.value.string_value for a in span.attributes}
                    self.spans.append((span, attributes))

    def request_span(self, request_id: str) -> Any:
        """Returns the span of a request, or None if it has not arrived."""
        named = (s for s, a in self.spans if a.get("vitrina.request_id") == request_id)
        return next(named, None)


@pytest.fixture
def collector() -> Iterator[Collector]:
    made = Collector()
    yield made
    made.server.shutdown()
    made.server.server_close()


@pytest.mark.long
def test_a_search_is_traced_with_its_stages_and_the_id_of_its_request(
    demo_index: None,
    static_files: None,
    collector: Collector,
    tmp_path: Path,
    media_root: Path,
    photos: dict[str, DemoPhoto],
) -> None:
    environment = {
        "DATABASE_URL": url_of_test_database(),
        "MEDIA_ROOT": str(media_root),
        "SEARCH_TIME_LIMIT_S": "30",
        "CALLS_PER_ADDRESS": "0",
        "OTEL_EXPORTER_OTLP_ENDPOINT": collector.address,
        "OTEL_BSP_SCHEDULE_DELAY": "50",
    }
    body = multipart([photos["scopia-living-lamp-2"].data])
    with web_server(tmp_path, **environment) as server:
        by_words = server.request("/api/v1/search/text/?q=secretwords")
        named = {**MULTIPART, "X-Request-Id": "traced-photo-1"}
        by_photo = server.request("/api/v1/search/photo/", "POST", body, named)
        root = wait_until(lambda: collector.request_span("traced-photo-1"))

    assert (by_words[0], by_photo[0]) == (200, 200)
    assert root.name == "POST api/v1/search/photo/"
    same_trace = [s for s, _ in collector.spans if s.trace_id == root.trace_id]
    stages = [span for span in same_trace if span.name in STAGES]
    assert {span.name for span in stages} == STAGES
    assert {span.parent_span_id for span in stages} == {root.span_id}
    for stage in stages:
        assert root.start_time_unix_nano <= stage.start_time_unix_nano
        assert stage.end_time_unix_nano <= root.end_time_unix_nano
    statements = [s for s in same_trace if s.kind == s.SPAN_KIND_CLIENT]
    assert statements
    assert "vitrina" in collector.services
    told = repr([attributes for _, attributes in collector.spans])
    assert "secretwords" not in told
    assert "livez" not in told


def test_nothing_of_it_is_imported_unless_it_is_wanted() -> None:
    program = (
        "import sys, config.wsgi\n"
        "parts = 'exporter', 'instrumentation', 'sdk.trace', 'proto'\n"
        "print([part for part in parts if f'opentelemetry.{part}' in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=REPOSITORY, capture_output=True, text=True, check=True
    )

    assert done.stdout.strip() == "[]"
