"""Two hundred hostile files are sent to the web server while shoppers search."""

import random
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx2
import psutil
import pytest
from django.conf import settings as django_settings
from PIL import Image

from tests.hostile_photos import FILES, hostile_photos
from tests.hostile_photos.pictures import encoded
from tests.support.processes import REPOSITORY, url_of_test_database, wait_until
from tests.support.web_servers import WebServer, web_server

pytestmark = [
    pytest.mark.alone,  # searches have a time limit of a few seconds
    pytest.mark.slow,  # 200 files, some of 15 MB, are made and sent
    pytest.mark.django_db,
    pytest.mark.usefixtures("demo_index"),
]

CHAIR = REPOSITORY / "catalog/demo/photos/blends-antiquechair-0.jpg"
SMALL_FILE = 50_000  # bytes
MAX_CPU_S = 1.0  # of a small file
MAX_GROWTH = 300 * 1024**2  # bytes that a web process may keep after any sequence of uploads
UPLOADS = 1_000


class Site:
    """The web server, with its decoders."""

    def __init__(self, server: WebServer) -> None:
        self._tree = psutil.Process(server.pid)
        self.client = httpx2.Client(base_url=f"http://127.0.0.1:{server.port}", timeout=60)

    def search(self, *photos: bytes, **fields: str) -> httpx2.Response:
        files = [("image", ("photo.jpg", photo)) for photo in photos]
        return self.client.post("/api/v1/search/photo/", files=files or None, data=fields)

    def cpu_s(self) -> float:
        """Seconds of processor time of all its processes so far, including ended ones."""
        return sum(sum(process.cpu_times()[:4]) for process in self._processes())

    def memory(self) -> int:
        """The private memory of its web process, in bytes."""
        (web,) = [
            process for process in self._tree.children() if "gunicorn" in str(process.cmdline())
        ]
        return int(web.memory_full_info().uss)

    def _processes(self) -> list[psutil.Process]:
        return [self._tree, *self._tree.children(recursive=True)]


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    (tmp_path / "encoders").symlink_to(django_settings.ENCODER_CACHE)  # compiled once
    environment = {
        "DATABASE_URL": url_of_test_database(),
        "DATA_DIR": str(tmp_path),
        "MEDIA_ROOT": str(django_settings.MEDIA_ROOT),
        "SEARCH_LOG_DAYS": "0",
    }
    with web_server(tmp_path, **environment) as server:
        wait_until(lambda: server.status("/readyz") == 200)
        site = Site(server)
        yield site
        site.client.close()


def finds_the_chair(answer: httpx2.Response) -> bool:
    return answer.status_code == 200 and (
        answer.json()["results"][0]["product"]["sku"] == "blends-antiquechair"
    )


@pytest.mark.long
def test_no_hostile_file_causes_a_server_error_or_costs_more_than_a_second(
    site: Site, long_run: bool
) -> None:
    files = list(hostile_photos())
    assert len({name for name, _ in files}) == FILES
    chair = CHAIR.read_bytes()
    for _ in range(50):
        assert finds_the_chair(site.search(chair, sort="relevance"))
    before, too_costly = site.memory(), {}

    order = random.Random(1)
    for _ in range(UPLOADS // FILES if long_run else 1):
        order.shuffle(files)
        for name, make in files:
            data, spent = make(), site.cpu_s()
            answer = site.search(data)
            spent = site.cpu_s() - spent
            assert answer.status_code in (200, 400, 413, 415), (name, answer.text)
            if len(data) <= SMALL_FILE and spent > MAX_CPU_S:
                too_costly[name] = spent

    assert too_costly == {}
    assert finds_the_chair(site.search(chair))
    wait_until(lambda: site.memory() - before < MAX_GROWTH)


@pytest.mark.long
def test_floods_of_the_largest_photos_leave_no_memory_in_use(site: Site, long_run: bool) -> None:
    with Image.open(CHAIR) as chair:
        large = chair.resize((6320, 6320))
    photos = [encoded(large, "JPEG"), encoded(large, "JPEG", progressive=True)]
    for _ in range(3):
        assert finds_the_chair(site.search(CHAIR.read_bytes()))
    before = site.memory()

    def send_five(number: int) -> int:
        more = [photos[n % 2] + b"%d-%d" % (number, n) for n in range(5)]  # no photo is cached
        return site.search(*more).status_code

    with ThreadPoolExecutor(8) as clients:
        answers = set(clients.map(send_five, range(72 if long_run else 16)))

    assert 200 in answers <= {200, 503}
    wait_until(lambda: site.memory() - before < MAX_GROWTH)


def test_shoppers_are_answered_during_eighteen_hostile_requests(site: Site) -> None:
    dearest = {name: make for name, make in hostile_photos() if name in SENT_TOGETHER}
    photos = [make() for make in dearest.values()]
    assert len(photos) == len(SENT_TOGETHER)
    chair, refused, answered = CHAIR.read_bytes(), [], []

    with ThreadPoolExecutor(18) as attackers:
        spent = site.cpu_s()
        attacks = [attackers.submit(site.search, *photos) for _ in range(18)]
        while not all(attack.done() for attack in attacks) or not answered:
            answer = site.search(chair)
            (answered if finds_the_chair(answer) else refused).append(time.monotonic())
            time.sleep(0.05)
        spent = site.cpu_s() - spent

    assert {attack.result().status_code for attack in attacks} <= {200, 400, 413, 503}
    assert spent < 18 * MAX_CPU_S + len(answered), "each request costs less than a second"
    assert answered
    assert not refused


SENT_TOGETHER = {
    "bmp-rle8-40000000x1",
    "webp-40-megapixels-lossless",
    "AVIF-40-megapixels",
    "AVIF-wide",
    "jpeg-99-scans-of-1000",
}


def test_a_preview_that_is_requested_forty_times_is_decoded_once(site: Site) -> None:
    (make,) = [make for name, make in hostile_photos() if name == LARGE]
    answer = site.search(make())
    assert answer.status_code == 200
    address = f"/search/photos/{answer.json()['query']['id']}.jpg"

    spent = site.cpu_s()
    with ThreadPoolExecutor(40) as clients:
        shown: list[Any] = list(clients.map(lambda _: site.client.get(address), range(40)))
        alive = site.client.get("/livez")
    spent = site.cpu_s() - spent

    assert alive.status_code == 200
    assert 200 in {response.status_code for response in shown} <= {200, 503}
    assert all(response.headers["Retry-After"] for response in shown if response.status_code == 503)
    assert spent < 5, "it is decoded once, not forty times"


LARGE = "png-40-megapixels-colour-2-bits-8"
