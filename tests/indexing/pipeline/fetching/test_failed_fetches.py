"""What cannot be fetched is tried again with growing pauses, and listed with a reason."""

from io import StringIO
from typing import Any

import pytest
from django.contrib.messages import get_messages
from django.core.management import call_command
from django.test import Client
from django.urls import reverse
from PIL import Image

from catalog.models import AddressedImage, ImageAddress
from indexing.models import IndexingRun
from indexing.monitoring.freshness import index_status
from indexing.pipeline.fetching import fetch_round
from indexing.tasks import fetch_photos
from tests.catalog.importing.fetching.photo_server import PhotoServer, write
from tests.indexing.pipeline.fetching.conftest import Supply
from tests.indexing.pipeline.fetching.photo_addresses import (
    fetch,
    hashed,
    known,
    let_pass,
    minutes_left,
    photos_of,
)
from tests.indexing.shop import add_product, found_skus, photo, rebuild, refresh

pytestmark = pytest.mark.usefixtures("empty_shop")

RED, BLUE = photo("red"), photo("blue")
State = ImageAddress.State
HEAD = b"HTTP/1.1 200 OK\r\n"


def too_many_pixels() -> bytes:
    from io import BytesIO

    file = BytesIO()
    Image.new("1", (8000, 6000)).save(file, "PNG")
    return file.getvalue()


def test_failures_are_tried_again_with_growing_pauses(server: PhotoServer, supply: Supply) -> None:
    url = server.put("/a.jpg", status=500)
    supply("a", url)
    pauses = []

    for _ in range(7):
        assert fetch() == 1
        assert fetch() == 0  # not before its time
        pauses.append(minutes_left(url))
        let_pass(minutes=pauses[-1] + 0.01)

    for pause, expected in zip(pauses, [1, 10, 60, 360, 1440, 1440, 1440], strict=True):
        assert 0.79 * expected < pause < 1.21 * expected
    assert (known(url).state, known(url).attempts) == (State.FAILED, 7)
    assert known(url).error == "The server answered with the status 500."
    # A success forgets them.
    server.put("/a.jpg", RED)
    fetch()
    assert (known(url).state, known(url).attempts, known(url).error) == (State.FETCHED, 0, "")
    assert photos_of("a") == hashed(RED)


@pytest.mark.parametrize("status", [404, 410])
def test_a_missing_photo_is_given_up_until_an_import_names_it_again(
    server: PhotoServer, supply: Supply, status: int
) -> None:
    url = server.put("/a.jpg", status=status)
    supply("a", url)

    fetch()
    let_pass(days=30)
    assert fetch() == 0
    assert (known(url).state, known(url).next_at) == (State.GIVEN_UP, None)

    server.put("/a.jpg", RED)
    supply("a", url)
    fetch()
    assert photos_of("a") == hashed(RED)


@pytest.mark.parametrize(
    ("body", "headers", "sentence"),
    [
        (b"<!DOCTYPE html><p>Log in", {"Content_Type": "image/jpeg"}, "sent a web page"),
        (b"\xef\xbb\xbf\n <html>", {}, "sent a web page"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", {}, "an SVG drawing"),
        (b"%PDF-1.7", {"Content_Type": "application/pdf"}, "no usable photo (type application"),
        (b"", {}, "sent an empty file"),
        (RED[:500], {}, "damaged or incomplete"),
        (too_many_pixels(), {}, "at most 40 megapixels"),
        (RED, {"Content_Length": str(16 * 1024**2)}, "larger than 15 MB"),
    ],
    ids=["page", "page with BOM", "SVG", "PDF", "empty", "cut off", "pixels", "bytes"],
)  # fmt: skip
def test_what_is_no_photo_is_refused_with_a_sentence(
    server: PhotoServer, supply: Supply, body: bytes, headers: dict[str, str], sentence: str
) -> None:
    url = server.put("/a.jpg", body, **headers)
    supply("a", url)

    fetch()

    assert sentence in known(url).error
    assert known(url).state == State.FAILED
    assert photos_of("a") == []


def test_a_photo_stays_while_its_address_fails(server: PhotoServer, supply: Supply) -> None:
    url = server.put("/a.jpg", RED)
    supply("a", url)
    fetch()
    let_pass(days=2)
    server.put("/a.jpg", status=404)

    supply("a", url)
    fetch()

    assert known(url).state == State.GIVEN_UP
    assert photos_of("a") == hashed(RED)
    assert index_status()["products"]["failed"] == 0  # no photo is missing


def test_a_refresh_does_not_wait_for_a_dead_host(
    server: PhotoServer, supply: Supply, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given a hundred photos of a host that answers nobody, and one of another host.
    settings.IMPORT_ALLOWED_HOSTS = [server.host, "127.0.0.2:1"]
    settings.IMPORT_FETCH_TIME_LIMIT_S = 1.0
    add_product("old", BLUE)
    rebuild()
    supply("dead", *[f"http://127.0.0.2:1/{number}.jpg" for number in range(100)])
    supply("alive", server.put("/a.jpg", RED))

    refresh()

    # Then a few were tried, the others are put off, and the photo that was there is found.
    assert found_skus(RED)[0] == "alive"
    dead = ImageAddress.objects.filter(host="127.0.0.2")
    assert 5 <= dead.filter(attempts=1).count() < 20
    assert not ImageAddress.objects.due().exists()
    assert dead.exclude(state=State.FAILED).count() == 0
    assert {error.partition(":")[0] for error in dead.values_list("error", flat=True)} == {
        "The server cannot be reached",
        "The host does not answer. Its photos are tried again later.",
    }
    status = index_status()
    assert (status["products"]["failed"], status["freshness"]["fresh"]) == (1, True)


def test_a_host_that_asks_for_a_pause_gets_it(server: PhotoServer, supply: Supply) -> None:
    busy = {"Retry_After": "7200"}
    urls = [server.put(f"/{number}.jpg", b"", 429, **busy) for number in range(50)]
    supply("a", *urls)

    fetch()

    assert len(server.requests) <= 8
    assert all(minutes_left(url) > 90 for url in urls)


def test_a_photo_that_waits_too_long_makes_the_index_not_fresh(
    server: PhotoServer, supply: Supply, settings: Any
) -> None:
    settings.FRESHNESS_TARGET_S = 100
    add_product("old", BLUE)
    rebuild()
    supply("a", server.put("/a.jpg", RED))
    let_pass(seconds=200)

    status = index_status()

    assert not status["freshness"]["fresh"]
    assert status["freshness"]["oldest_pending_s"] == pytest.approx(200, abs=20)
    assert status["photos"]["oldest_waiting_s"] == pytest.approx(200, abs=20)


def test_a_fetch_that_is_cancelled_gives_its_claims_up(server: PhotoServer, supply: Supply) -> None:
    slow = write(HEAD + b"Content-Length: 999\r\n\r\n", b"x", every_s=0.05, times=999)
    supply("a", *[server.act(f"/{number}.jpg", slow) for number in range(3)])

    def check() -> None:
        if server.requests:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fetch_round.fetch_due_photos(check)

    assert ImageAddress.objects.due().count() == 3
    assert {row.attempts for row in ImageAddress.objects.all()} == {0}


def test_the_command_fetches_until_nothing_is_due(
    server: PhotoServer, supply: Supply, settings: Any
) -> None:
    supply("a", server.put("/a.jpg", RED), server.put("/b.jpg", status=404))
    out = StringIO()

    call_command("index", "-v", "0", "fetch", stdout=out)
    server.put("/b.jpg", BLUE)
    call_command("index", "-v", "0", "fetch", "--failed", stdout=out)

    lines = out.getvalue().splitlines()
    assert "fetch" in lines[0]
    assert (
        "1 fetched, 0 waiting (the oldest for 0 s), 0 failed and tried again, 1 given up"
        in lines[1]
    )
    assert lines[2] == "1 failed photos are tried again."
    assert photos_of("a") == hashed(RED, BLUE)
    shown = StringIO()
    call_command("index", "status", stdout=shown)
    assert "Photos by address: 2 fetched, 0 waiting" in shown.getvalue()
    assert index_status()["runs"]["last"] is None  # of the index, not of photos


def test_the_task_of_each_minute_starts_a_run_only_if_photos_are_due(
    server: PhotoServer, supply: Supply
) -> None:
    assert fetch_photos() == "nothing to fetch"
    supply("a", server.put("/a.jpg", RED))

    assert fetch_photos() == "succeeded"

    assert IndexingRun.objects.get().kind == "fetch"
    assert photos_of("a") == hashed(RED)


def test_an_operator_has_failed_photos_fetched_again(
    server: PhotoServer, supply: Supply, admin_client: Client, settings: Any
) -> None:
    static = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
    settings.STORAGES = {**settings.STORAGES, "staticfiles": static}
    supply("a", server.put("/a.jpg", status=404), server.put("/b.jpg", RED))
    fetch()
    server.put("/a.jpg", BLUE)
    page = reverse("admin:catalog_imageaddress_changelist")
    shown = admin_client.get(page, {"state": "given up", "host": "127.0.0.1"}).content.decode()
    assert "The server has no such file (status 404)." in shown
    assert server.url("/b.jpg") not in shown

    data = {"action": "fetch_again", "_selected_action": [known(server.url("/a.jpg")).pk]}
    response: Any = admin_client.post(page, data, follow=True)

    said = [str(message) for message in get_messages(response.wsgi_request)]
    assert said == ["Photos to fetch again: 1."]
    runs = admin_client.get(reverse("admin:indexing_indexingrun_changelist")).content.decode()
    assert "Fetch photos" in runs
    assert IndexingRun.objects.get().kind == "fetch"
    fetch()
    assert photos_of("a") == hashed(BLUE, RED)
    product = known(server.url("/a.jpg")).addressed_images.get().product_id
    admin_client.post(reverse("admin:catalog_product_delete", args=[product]), {"post": "yes"})
    assert not AddressedImage.objects.exists()
