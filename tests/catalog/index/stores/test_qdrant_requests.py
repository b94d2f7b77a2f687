"""What is asked of a Qdrant server, beside the requests of its documented API
(https://api.qdrant.tech). The server of these tests only answers as documented."""

import json
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread
from typing import Any

import numpy as np
import pytest
from django.db import OperationalError, ProgrammingError

from catalog.index.search_statement import Hint
from catalog.index.stores import qdrant_server
from catalog.index.stores.client_points import ClientPoints
from catalog.index.stores.qdrant_points import FoundPoint, GraphShape, Point, StoredPoint

SHAPE = GraphShape(dimensions=2, m=24, ef_construction=200)
NAME = "vitrina_g7"
GREEN = {
    "status": "green",
    "optimizer_status": "ok",
    "points_count": 2,
    "indexed_vectors_count": 2,
    "segments_count": 1,
    "payload_schema": {},
    "config": {
        "params": {},
        "hnsw_config": {"m": 24, "ef_construct": 200, "full_scan_threshold": 10_000},
        "optimizer_config": {
            "deleted_threshold": 0.2,
            "vacuum_min_vector_number": 1000,
            "default_segment_number": 0,
            "flush_interval_sec": 5,
        },
        "metadata": {"is_built": True},
    },
}
DONE = {"operation_id": 1, "status": "completed"}


class RecordingServer(HTTPServer):
    """Records (method, path, body) of requests, and answers with `results`, by method and path: a
    status other than 200, or the `result` of the answer."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.requests: list[tuple[str, str, Any]] = []
        self.results: dict[tuple[str, str], Any] = {}

    def bodies(self, method: str) -> list[tuple[str, Any]]:
        return [(path, body) for verb, path, body in self.requests if verb == method]


class Handler(BaseHTTPRequestHandler):
    server: RecordingServer

    def answer(self) -> None:
        data = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.server.requests.append((self.command, self.path, json.loads(data) if data else None))
        result = self.server.results.get((self.command, self.path.split("?")[0]), True)
        status = result if type(result) is int else 200
        body = json.dumps({"status": "ok", "time": 0.001, "result": result}).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_GET = do_PUT = do_POST = do_PATCH = do_DELETE = answer

    def log_message(self, *arguments: Any) -> None:
        """Says nothing."""


@pytest.fixture
def server() -> Iterator[RecordingServer]:
    with RecordingServer() as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def points(server: RecordingServer, settings: Any) -> Iterator[ClientPoints]:
    settings.QDRANT_API_KEY, settings.QDRANT_SHARDS, settings.QDRANT_REPLICAS = "", 6, 2
    points = ClientPoints(f"http://127.0.0.1:{server.server_port}")
    yield points
    points.client.close()


def test_a_collection_is_created_with_shards_replicas_8_bits_and_payload_indexes(
    server: RecordingServer, points: ClientPoints
) -> None:
    server.results["GET", f"/collections/{NAME}/exists"] = {"exists": False}
    server.results["PUT", f"/collections/{NAME}/index"] = DONE

    points.create(NAME, SHAPE)

    (path, body), *indexes = server.bodies("PUT")
    assert path == f"/collections/{NAME}"
    assert body == {
        "vectors": {"size": 2, "distance": "Dot", "datatype": "float16", "on_disk": True},
        "shard_number": 6,
        "replication_factor": 2,
        "write_consistency_factor": 2,
        "on_disk_payload": True,
        "hnsw_config": {"m": 0},
        "quantization_config": {"scalar": {"type": "int8", "quantile": 0.99, "always_ram": True}},
        "metadata": {"is_built": False},
    }
    assert indexes == [
        (f"/collections/{NAME}/index?wait=true", {"field_name": name, "field_schema": kind})
        for name, kind in (
            ("category", "integer"),
            ("brand", "keyword"),
            ("tag", "keyword"),
            ("option", "keyword"),
        )
    ]


def test_a_graph_is_built_in_the_background_and_awaited(
    server: RecordingServer, points: ClientPoints, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(qdrant_server, "POLL_S", 0.001)
    server.results["GET", f"/collections/{NAME}"] = GREEN

    points.build(NAME, SHAPE)

    assert server.bodies("PATCH") == [
        (
            f"/collections/{NAME}",
            {
                "hnsw_config": {"m": 24, "ef_construct": 200},
                "optimizers_config": {"indexing_threshold": 10_000},
            },
        ),
        (f"/collections/{NAME}", {"metadata": {"is_built": True}}),
    ]
    assert len(server.bodies("GET")) == qdrant_server.QUIET_POLLS

    server.results["GET", f"/collections/{NAME}"] = {**GREEN, "status": "red"}
    with pytest.raises(OperationalError, match="cannot build"):
        points.build(NAME, SHAPE)


def test_the_alias_of_the_live_collection_is_moved_in_one_request(
    server: RecordingServer, points: ClientPoints
) -> None:
    live = {"alias_name": "vitrina_live", "collection_name": "vitrina_g6"}
    server.results["GET", "/aliases"] = {"aliases": [live]}

    points.name_live("vitrina_live", NAME)

    create = {"create_alias": {"collection_name": NAME, "alias_name": "vitrina_live"}}
    assert server.bodies("POST") == [
        (
            "/collections/aliases",
            {"actions": [{"delete_alias": {"alias_name": "vitrina_live"}}, create]},
        )
    ]


def test_points_are_written_and_removed_before_the_calls_return(
    server: RecordingServer, points: ClientPoints
) -> None:
    server.results["PUT", f"/collections/{NAME}/points"] = DONE
    server.results["POST", f"/collections/{NAME}/points/delete"] = DONE

    points.upsert(NAME, [Point(5, np.array([0.6, 0.8]), {"product": 3})])
    points.delete(NAME, [5, 6])

    written = {"points": [{"id": 5, "vector": [0.6, 0.8], "payload": {"product": 3}}]}
    assert server.bodies("PUT") == [(f"/collections/{NAME}/points?wait=true", written)]
    removed = (f"/collections/{NAME}/points/delete?wait=true", {"points": [5, 6]})
    assert server.bodies("POST") == [removed]


def test_all_query_vectors_are_searched_in_one_request(
    server: RecordingServer, points: ClientPoints
) -> None:
    hit = {"id": 5, "version": 1, "score": 0.9, "payload": {"product": 3}}
    answer = [{"points": [hit]}, {"points": []}]
    server.results["POST", f"/collections/{NAME}/points/query/batch"] = answer

    found = points.search(NAME, np.eye(2, dtype=np.float32), 300, [Hint("brand", ("Oak",))])

    assert found == [[FoundPoint(5, 3, 0.9)], []]
    [(_, body)] = server.bodies("POST")
    assert body["searches"][0] == {
        "query": {"nearest": [1.0, 0.0]},
        "filter": {"must": [{"key": "brand", "match": {"any": ["Oak"]}}]},
        "params": {"hnsw_ef": 300, "quantization": {"rescore": True, "oversampling": 2.0}},
        "limit": 300,
        "with_payload": ["product"],
    }


def test_points_are_read_page_by_page(server: RecordingServer, points: ClientPoints) -> None:
    records = [{"id": number, "payload": {"product": 1}} for number in (5, 6)]
    server.results["POST", f"/collections/{NAME}/points/scroll"] = {"points": records}

    assert list(points.pages(NAME)) == [
        [StoredPoint(5, {"product": 1}), StoredPoint(6, {"product": 1})]
    ]
    [(_, body)] = server.bodies("POST")
    assert (body["limit"], body["with_payload"]) == (1000, True)


def test_errors_are_those_of_a_database(server: RecordingServer, points: ClientPoints) -> None:
    server.results["POST", f"/collections/{NAME}/points/query/batch"] = 503
    with pytest.raises(OperationalError, match="503"):
        points.search(NAME, np.eye(2, dtype=np.float32), 3, ())
    server.results["POST", f"/collections/{NAME}/points/query/batch"] = 404
    with pytest.raises(ProgrammingError, match="no such collection"):
        points.search(NAME, np.eye(2, dtype=np.float32), 3, ())
