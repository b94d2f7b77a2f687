"""A file of 200 MB is uploaded to a real web server: its memory stays bounded, and what is too
large gets a sentence."""

import http.client
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
from django.conf import settings as django_settings
from django.test import Client

from config.paths import DATA_DIR
from tests.console.file_imports.uploads import operator
from tests.support.processes import url_of_test_database
from tests.support.web_servers import WebServer, web_server

pytestmark = [
    pytest.mark.long,  # writes 600 MB
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("empty_shop", "static_files"),
]

MB = 1024**2
PAGE = "/admin/catalog/productimport/file/"
BOUNDARY, TOKEN = "xxxxxxxx", "a" * 32
HEADER = b"sku,title,price,description\n"
MAX_GROWTH = 100 * MB  # of the memory of all web processes, during an upload and its preview


@pytest.fixture
def server(tmp_path: Path, settings: Any) -> Iterator[WebServer]:
    (tmp_path / "encoders").symlink_to(django_settings.ENCODER_CACHE)
    (tmp_path / "static").symlink_to(DATA_DIR / "static")
    environment = {
        "DATABASE_URL": url_of_test_database(),
        "DATA_DIR": str(tmp_path),
        "SECRET_KEY": django_settings.SECRET_KEY,
        "IMPORT_UPLOADS_MB": "300",
    }
    with web_server(tmp_path, **environment) as started:
        yield started


@pytest.fixture
def cookies() -> str:
    anna: Client = operator("anna", "operate", "view_productimport")
    return f"csrftoken={TOKEN}; sessionid={anna.cookies['sessionid'].value}"


def body(size: int) -> Iterator[bytes]:
    """Yields a form with a CSV file of this many bytes."""
    fields = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="csrfmiddlewaretoken"\r\n\r\n'
    disposition = 'Content-Disposition: form-data; name="file"; filename="shop.csv"\r\n\r\n'
    yield f"{fields}{TOKEN}\r\n--{BOUNDARY}\r\n{disposition}".encode()
    left, number = size - len(HEADER), 0
    yield HEADER
    while left:
        lines = b"".join(
            b"p%d,Thing %d,10,%s\n" % (n, n, b"word " * 200) for n in range(number, number + 500)
        )[:left]
        left, number = left - len(lines), number + 500
        yield lines
    yield f"\r\n--{BOUNDARY}--\r\n".encode()


def send(server: WebServer, cookies: str, size: int) -> tuple[int, str, str]:
    """Uploads a file. Returns the status, the address that follows, and the page."""
    parts = list(body(100))
    length = size + sum(map(len, parts)) - 100
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=300)
    headers = {
        "Cookie": cookies,
        "Content-Type": f"multipart/form-data; boundary={BOUNDARY}",
        "Content-Length": str(length),
    }
    connection.request("POST", PAGE, body(size), headers)
    response = connection.getresponse()
    page = response.read().decode()
    connection.close()
    return response.status, response.headers.get("Location", ""), page


def growth(server: WebServer, act: Callable[[], None]) -> int:
    """Returns by how much the private memory of the web processes has grown meanwhile, at most."""
    tree = psutil.Process(server.pid)

    def memory() -> int:
        processes = [tree, *tree.children(recursive=True)]
        return sum(process.memory_full_info().uss for process in processes)

    before, seen, done = memory(), [0], threading.Event()

    def watch() -> None:
        while not done.wait(0.05):
            seen.append(memory() - before)

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        act()
    finally:
        done.set()
        watcher.join()
    return max(seen)


def test_an_upload_of_200_mb_takes_little_memory(
    server: WebServer, cookies: str, tmp_path: Path
) -> None:
    answers = []

    def upload_and_look() -> None:
        status, address, page = send(server, cookies, 200 * MB)
        assert status == 302, page
        answers.append(server.request(address, headers={"Cookie": cookies}, timeout_s=300))

    assert growth(server, upload_and_look) < MAX_GROWTH
    [(status, _, shown)] = answers
    assert status == 200
    assert b"1,000 of the first 1,000 products are good" in shown or b"1000 of the first" in shown

    status, _, page = send(server, cookies, 199 * MB)
    assert status == 200
    assert "wait for their import may have 300 MB together" in page
    kept = [path.stat().st_size for path in tmp_path.glob("uploaded_feeds/*/feed/*")]
    assert kept == [200 * MB]


def test_a_file_beyond_the_limit_is_refused_without_being_read(
    server: WebServer, cookies: str, tmp_path: Path
) -> None:
    try:
        status, _, page = send(server, cookies, 210 * MB)
    except (BrokenPipeError, ConnectionResetError):
        pytest.fail("The server has closed the connection instead of answering.")

    assert status == 413
    assert "Import files of at most 200 MB here." in page
    assert not list(tmp_path.glob("uploaded_feeds/*"))
