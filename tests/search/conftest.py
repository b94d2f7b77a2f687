"""Fixtures of the tests of searches: the demo's photos, functions that search, and the shape of an
answer in the public contract."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from django.http import HttpResponse

from search.events.search_log import SearchLog
from search.photo_search import photo_analyses
from search.query.preview import previews
from search.query.vector import encoded_texts
from tests.search.browser import page, served  # noqa: F401  (fixtures)
from tests.search.colour_spotter import DETECTOR, ColourSpotter
from tests.support.processes import url_of_test_database
from tests.support.web_servers import WebServer, web_server

Search = Callable[..., dict[str, Any]]
Get = Callable[..., dict[str, Any]]

NUMBER = (int, float)
BOX = [NUMBER]
NAMED = {"slug": str, "name": str}
FACET = [{"value": str, "label": str, "count": int}]
PRODUCT = {
    "id": int,
    "sku": str,
    "title": str,
    "category": NAMED,
    "brand": str,
    "price": NUMBER,
    "currency": str,
    "in_stock": bool,
    "tags": [NAMED],
    "image": str,
    "url": str,
}
VARIANT = {
    "sku": str,
    "options": dict,
    "price": NUMBER,
    "in_stock": bool,
    "image": (str, None),
    "url": str,
}
ANSWER = {
    "query": {
        "id": str,
        "kind": str,
        "box": (BOX, None),
        "objects": [{"box": BOX, "score": NUMBER}],
        "blank": bool,
        "corrected": (str, None),
        "fits_words": bool,
    },
    "generation": {"id": int, "encoder": str, "published_at": str},
    "complete": bool,
    "calibrated": bool,
    "timings_ms": dict.fromkeys(("decode", "embed", "retrieve", "rank", "total"), NUMBER),
    "tags": [{"slug": str, "name": str, "score": NUMBER}],
    "facets": {
        "category": FACET,
        "brand": FACET,
        "tag": FACET,
        "price": {"min": (int, float, None), "max": (int, float, None)},
        "option": FACET,
    },
    "count": int,
    "total": (int, None),
    "next_offset": (int, None),
    "results": [
        {
            "product": PRODUCT,
            "variant": (VARIANT, None),
            "score": NUMBER,
            "match": str,
            "duplicates": int,
        }
    ],
}
OPTIONAL = {"object"}
"""Keys that an answer may leave out."""


def mismatches(value: Any, shape: Any, where: str = "answer") -> list[str]:
    """Returns how a JSON value differs from a shape. A dictionary must have exactly the keys of the
    shape. A list may have any number of items of its one shape. A tuple lists alternatives. A type
    stands for its values."""
    if isinstance(shape, tuple):
        choices = [mismatches(value, choice, where) for choice in shape]
        return [] if [] in choices else choices[0]
    if isinstance(shape, dict) and isinstance(value, dict):
        if value.keys() - OPTIONAL != shape.keys():
            return [f"{where}: {sorted(value)} instead of {sorted(shape)}"]
        return [m for key in shape for m in mismatches(value[key], shape[key], f"{where}.{key}")]
    if isinstance(shape, list) and isinstance(value, list):
        return [m for i, v in enumerate(value) for m in mismatches(v, shape[0], f"{where}[{i}]")]
    fits = value is None if shape is None else type(value) is shape
    return [] if fits else [f"{where}: {value!r} instead of {shape}"]


@pytest.fixture
def check_shape() -> Callable[[Any, Any], None]:
    """Asserts that a JSON value has a shape (see `mismatches`)."""

    def check(value: Any, shape: Any) -> None:
        assert mismatches(value, shape) == []

    return check


@pytest.fixture
def check_answer(check_shape: Callable[[Any, Any], None]) -> Callable[[dict[str, Any]], None]:
    """Asserts that a search answer is exactly what the public contract says."""

    def check(answer: dict[str, Any]) -> None:
        check_shape(answer, ANSWER)
        assert answer["query"]["kind"] in {"photo", "text", "product", "mixed"}
        assert answer["count"] == len(answer["results"])
        for result in answer["results"]:
            assert result["match"] in {"exact", "similar", "weak"}
            assert 0 <= result["score"] <= 1

    return check


@pytest.fixture
def check_problem() -> Callable[[HttpResponse, int, str], dict[str, Any]]:
    """Asserts that a response is the expected problem, with a sentence. Returns its body."""

    def check(response: Any, status: int, code: str) -> dict[str, Any]:
        body: dict[str, Any] = response.json()
        assert response["Content-Type"] == "application/problem+json"
        assert (response.status_code, body["code"]) == (status, code), body
        assert body["status"] == status
        assert body.keys() == {"type", "title", "status", "detail", "code"}
        assert body["title"]
        assert " " in body["detail"]
        assert body["detail"].endswith((".", "!"))
        return body

    return check


@pytest.fixture(autouse=True)
def _isolate(settings: Any, tmp_path: Path) -> None:
    """Keeps query photos in a folder of the test, empties the caches, and serves static files as
    they are."""
    for cache in (photo_analyses, encoded_texts, previews):
        cache.clear()
    (tmp_path / "static").mkdir()
    settings.STATIC_ROOT = tmp_path / "static"
    static = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
    settings.STORAGES = {**settings.STORAGES, "staticfiles": static}
    settings.QUERY_PHOTOS = tmp_path / "query_photos"
    settings.SIZED_PHOTOS = tmp_path / "sized_photos"


@dataclass(frozen=True)
class DemoPhoto:
    """A photo, the sku and the box of the product in it, and whether it shows other products
    too."""

    data: bytes
    sku: str
    box: tuple[float, float, float, float]
    scene: bool


@pytest.fixture(scope="session")
def photos() -> dict[str, DemoPhoto]:
    """The labelled photos of the demo, by file name."""
    from catalog.demo.load import FOLDER

    found = {}
    for line in (FOLDER / "photos.jsonl").read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        data = (FOLDER / row["file"]).read_bytes()
        found[Path(row["file"]).stem] = DemoPhoto(data, row["sku"], tuple(row["box"]), row["scene"])
    return found


@pytest.fixture(scope="module")
def demo_server(
    demo_index: None,
    static_files: None,
    tmp_path_factory: pytest.TempPathFactory,
    media_root: Path,
) -> Iterator[WebServer]:
    """The production web server with few threads, on the demo catalogue."""
    settings = {
        "DATABASE_URL": url_of_test_database(),
        "MEDIA_ROOT": str(media_root),
        "WEB_THREADS": "8",
        "SEARCHES_AT_ONCE": "2",
        "SEARCH_QUEUE": "4",
        "SEARCH_LOG_DAYS": "0",
        "SEARCH_TIME_LIMIT_S": "30",  # other tests may keep the machine busy
        "STATEMENT_TIMEOUT_S": "5",
        "IMPORT_ALLOWED_HOSTS": "127.0.0.1:8199",  # where docs/api.md offers a photo
    }
    with web_server(tmp_path_factory.mktemp("web"), **settings) as started:
        yield started


@pytest.fixture
def by_photo(client: Any, photos: dict[str, DemoPhoto]) -> Search:
    """Returns a function that searches with a photo (the name of a demo photo, or bytes) through
    the API and returns the answer. All keywords but `headers` are parameters of the API."""

    def search(photo: str | bytes | None, headers: Any = None, **fields: Any) -> dict[str, Any]:
        if isinstance(photo, str):
            photo = photos[photo].data
        if photo is not None:
            fields["image"] = BytesIO(photo)
        if isinstance(fields.get("box"), tuple):
            fields["box"] = ",".join(map(str, fields["box"]))
        response = client.post("/api/v1/search/photo/", fields, headers=headers)
        assert response.status_code == 200, response.content
        answer: dict[str, Any] = response.json()
        return answer

    return search


@pytest.fixture
def get(client: Any) -> Get:
    """Returns a function that GETs an address of the API and returns the JSON."""

    def get_json(address: str, parameters: Any = None, headers: Any = None) -> dict[str, Any]:
        response = client.get(f"/api/v1/{address}", parameters, headers=headers)
        assert response.status_code == 200, response.content
        answer: dict[str, Any] = response.json()
        return answer

    return get_json


@pytest.fixture
def visitor() -> Any:
    """A client that checks CSRF tokens, as production does."""
    from django.test import Client

    return Client(enforce_csrf_checks=True)


@pytest.fixture
def send(visitor: Any, photos: dict[str, DemoPhoto]) -> Callable[..., Any]:
    """Returns a function that POSTs a photo search. Without `image`, it sends a valid photo."""

    def post(image: bytes | list[bytes] | None = None, **fields: Any) -> Any:
        images = (
            image if isinstance(image, list) else [image or photos["scopia-living-lamp-2"].data]
        )
        files = [BytesIO(data) for data in images]
        return visitor.post(
            "/api/v1/search/photo/", {**({"image": files} if files else {}), **fields}
        )

    return post


@pytest.fixture
def use_log(
    settings: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., SearchLog]:
    """Returns a function that makes searches use a new SearchLog with these limits, which writes
    when the test flushes it."""
    settings.SEARCH_LOG_DAYS = 90
    settings.SEARCH_LOG_PHOTOS = tmp_path / "photos"

    def use(**limits: int) -> SearchLog:
        log = SearchLog(**limits, write_interval_s=3600)
        monkeypatch.setattr("search.events.search_log.search_log", log)
        return log

    return use


@pytest.fixture
def log(use_log: Callable[..., SearchLog]) -> SearchLog:
    """A new log of searches, which writes when the test flushes it."""
    return use_log()


@pytest.fixture
def spotter(settings: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ColourSpotter:
    """An encoder and a detector of colours, which replace all others."""
    settings.MEDIA_ROOT = tmp_path / "media"
    settings.ENCODER = "spotter"
    settings.DETECTOR = DETECTOR
    settings.LABELLED_PHOTOS = ""
    made = ColourSpotter()
    monkeypatch.setattr("catalog.index.live_index.load_encoder", lambda name, *args: made)
    return made
