"""Sources whose feed is compressed by gzip, at an address and in a file."""

import gzip
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as django_settings

from catalog.importing.sources import feed_starts
from catalog.importing.sources.source_preview import preview_source
from catalog.models import Source
from indexing.pipeline.sources.source_actions import add_source
from tests.catalog.importing.fetching.photo_server import PhotoServer
from tests.indexing.pipeline.sources.feeds import HEADER, SHOP, prices, pull

pytestmark = pytest.mark.usefixtures("empty_shop")


def serve(server: PhotoServer, lines: str, cut: int = 0) -> str:
    data = gzip.compress(lines.encode(), mtime=0)
    return server.put("/feed", data[: len(data) - cut])


def test_a_compressed_feed_is_pulled_and_compared(server: PhotoServer) -> None:
    source = pull(add_source("shop", serve(server, SHOP)))
    assert prices() == {"lamp": "10.00", "sofa": "20.00", "desk": "30.00"}

    assert pull(source).result == "Unchanged since the last import."
    serve(server, SHOP.replace("20.00", "21.00"))
    assert "1 changed" in pull(source).result

    serve(server, f"{HEADER}\nlamp,Lamp,99.00,yes\n", cut=9)
    source = pull(source)
    assert "the compressed file ends in the middle" in source.error
    assert prices() == {"lamp": "10.00", "sofa": "21.00", "desk": "30.00"}


def test_a_bomb_at_an_address_is_refused(server: PhotoServer) -> None:
    source = add_source("shop", server.put("/feed", gzip.compress(bytes(20 * 1024**2), 9)))

    assert "decompresses to more than a feed can have" in pull(source).error


def test_a_compressed_file_is_pulled(server: PhotoServer) -> None:
    (Path(django_settings.IMPORT_ROOT) / "prices.csv").write_bytes(gzip.compress(SHOP.encode()))

    pull(add_source("shop", "prices.csv"))

    assert len(prices()) == 3


def test_the_beginning_of_a_compressed_feed_is_shown(
    server: PhotoServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(feed_starts, "START_BYTES", 2_000)
    rows = "".join(f"p{n},Thing {n * 7919 % 10007},{n},yes\n" for n in range(100_000))

    shown = preview_source(Source(address=serve(server, f"{HEADER}\n{rows}")))

    assert shown.is_cut
    assert shown.preview.failure == ""
    assert shown.preview.errors == []
    assert shown.preview.good > 100


def test_a_short_compressed_feed_is_shown_whole(server: PhotoServer, settings: Any) -> None:
    shown = preview_source(Source(address=serve(server, SHOP)))

    assert (shown.is_cut, shown.preview.good, shown.preview.is_whole) == (False, 3, True)
