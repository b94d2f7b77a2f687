"""Sources contact public hosts and read files below IMPORT_ROOT, and nothing else. Failures are
sentences, and are tried again."""

import os
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from catalog.importing.errors import ImportFailed
from catalog.importing.sources.feed_files import check_place, open_feed_place
from catalog.models import Product, Source
from indexing.pipeline.sources.source_actions import SourceError, add_source
from tests.catalog.importing.fetching.photo_server import PhotoServer, write
from tests.indexing.pipeline.sources.conftest import AddFeed
from tests.indexing.pipeline.sources.feeds import SHOP, pull

pytestmark = pytest.mark.usefixtures("empty_shop")


@pytest.mark.parametrize(
    "address",
    [
        "http://127.0.0.1/feed.csv",
        "http://[::ffff:127.0.0.1]/feed.csv",
        "http://2130706433/feed.csv",
        "http://169.254.169.254/latest/",
        "http://10.0.0.7/feed.csv",
        "http://localhost/feed.csv",
        "http://shop.example:8080/feed.csv",
        "http://anna:secret@shop.example/feed.csv",
        "ftp://shop.example/feed.csv",
        "file:///etc/passwd",
        "/etc/passwd",
        "../feed.csv",
        ".",
        "a\0b",
    ],
)
def test_a_place_that_may_not_be_read_is_refused_at_once(server: PhotoServer, address: str) -> None:
    with pytest.raises(SourceError):
        add_source("shop", address)
    assert not Source.objects.exists()


def test_a_redirect_to_a_private_host_is_refused(server: PhotoServer) -> None:
    url = server.redirect("/feed.csv", "http://127.0.0.1/other.csv")

    source = pull(add_source("shop", url))

    assert "127.0.0.1 is not a public host" in source.error
    assert source.attempts == 1


def test_a_host_that_is_no_longer_allowed_is_not_contacted(
    server: PhotoServer, feed: AddFeed, settings: Any
) -> None:
    source = feed(SHOP)
    asked = len(server.requests)
    settings.IMPORT_ALLOWED_HOSTS = []

    assert "is not allowed" in pull(source).error
    assert len(server.requests) == asked


def test_files_are_read_below_import_root_alone(
    server: PhotoServer, settings: Any, tmp_path: Any
) -> None:
    (settings.IMPORT_ROOT / "shop.csv").write_text(SHOP)
    source = pull(add_source("files", "shop.csv"))
    assert Product.objects.count() == 3

    secret = tmp_path / "secret.csv"
    secret.write_text(SHOP)
    (settings.IMPORT_ROOT / "shop.csv").unlink()
    os.symlink(secret, settings.IMPORT_ROOT / "shop.csv")
    assert "lies outside IMPORT_ROOT" in pull(source).error

    os.symlink(tmp_path, settings.IMPORT_ROOT / "folder")
    with pytest.raises(ImportFailed, match="lies outside IMPORT_ROOT"):
        check_place("folder/secret.csv")
    os.symlink(settings.IMPORT_ROOT / "loop", settings.IMPORT_ROOT / "loop")
    with (
        pytest.raises(ImportFailed, match=r"is not the path|no such file"),
        open_feed_place("loop"),
    ):
        pass


@pytest.mark.parametrize("is_declared", [True, False])
def test_a_feed_that_is_too_large_is_refused(
    server: PhotoServer, settings: Any, is_declared: bool
) -> None:
    settings.SOURCE_MAX_BYTES = 1000
    head = b"HTTP/1.1 200 OK\r\n" + (b"Content-Length: 5000\r\n" if is_declared else b"") + b"\r\n"
    url = server.act("/feed.csv", write(head, SHOP.encode(), b"x" * 5000))

    source = pull(add_source("shop", url))

    assert "larger than" in source.error
    assert not Product.objects.exists()


def test_a_server_that_trickles_is_given_up(server: PhotoServer, settings: Any) -> None:
    settings.SOURCE_TIME_LIMIT_S = 0.3
    head = b"HTTP/1.1 200 OK\r\n\r\n"
    url = server.act("/feed.csv", write(head, SHOP.encode(), b"x", every_s=0.05, times=100))

    source = pull(add_source("shop", url))

    assert "took more than 0.3 s" in source.error
    assert not Product.objects.exists()


def test_a_failed_pull_is_tried_again_with_growing_pauses(
    server: PhotoServer, feed: AddFeed
) -> None:
    source = feed(SHOP)
    server.put("/shop.csv", status=500)
    pauses = []
    for _ in range(3):
        source = pull(source)
        assert source.next_at is not None
        pauses.append((source.next_at - timezone.now()) / timedelta(minutes=1))

    for pause, expected in zip(pauses, [1, 10, 60], strict=True):
        assert 0.9 * expected < pause < 1.3 * expected
    assert source.error == "The server answered with the status 500."
    assert (source.attempts, Product.objects.count()) == (3, 3)

    server.put("/shop.csv", SHOP.encode())
    source = pull(source)
    assert (source.attempts, source.error) == (0, "")


def test_a_server_says_when_it_may_be_asked_again(server: PhotoServer, feed: AddFeed) -> None:
    source = feed(SHOP)
    server.put("/shop.csv", status=503, Retry_After="7200")

    source = pull(source)

    assert source.next_at is not None
    assert source.next_at > timezone.now() + timedelta(minutes=119)


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        (b"", "the file is empty"),
        (b"%PDF-1.7\n", "a PDF document"),
        (b"number;name\n1;Lamp\n", "the format is not known"),
        (b'<!DOCTYPE x [<!ENTITY a "b">]><rss></rss>', "declares entities"),
    ],
)
def test_a_feed_that_cannot_be_read_is_a_sentence(
    server: PhotoServer, body: bytes, sentence: str
) -> None:
    source = pull(add_source("shop", server.put("/shop.csv", body)))

    assert sentence in source.error
    assert source.next_at is not None


def test_a_mapping_and_a_schedule_are_checked(server: PhotoServer) -> None:
    url = server.put("/shop.csv", b"Number;Name\n1;Lamp\n")
    with pytest.raises(SourceError, match='must be a JSON object with a "sku"'):
        add_source("shop", url, mapping={"title": "Name"})
    with pytest.raises(SourceError, match="not a cron expression"):
        add_source("shop", url, cron="every day")

    pull(add_source("shop", url, mapping={"sku": "Number", "title": "Name"}))

    assert Product.objects.get().title == "Lamp"
