"""Feeds that gzip has compressed are recognised by their content and decompressed with limits."""

import gzip
import os
from pathlib import Path
from typing import Any

import pytest

from catalog.importing.dry_run import preview_file
from catalog.importing.errors import FeedCutOff
from catalog.importing.files import ImportFailed, import_file
from catalog.importing.photos.compressed_files import read_parts
from catalog.importing.sources.feed_files import count_rows
from catalog.models import Product

pytestmark = pytest.mark.usefixtures("empty_catalogue")
FEED = b"sku,title,price\nlamp,Lamp,10\nsofa,Sofa,20\n"


@pytest.mark.parametrize("name", ["shop.csv.gz", "shop.csv", "feed"])
def test_a_compressed_feed_is_recognised_by_its_content(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.write_bytes(gzip.compress(FEED[:20]) + gzip.compress(FEED[20:]))  # as `cat` joins them

    assert preview_file(path).good == 2
    assert count_rows(path) == 3
    assert import_file(path).written == 2

    assert set(Product.objects.values_list("sku", flat=True)) == {"lamp", "sofa"}
    assert [file.name for file in tmp_path.iterdir()] == [name]


@pytest.mark.parametrize(
    ("data", "error", "sentence"),
    [
        (gzip.compress(FEED)[:-12], FeedCutOff, "ends in the middle. Nothing of it is imported"),
        (gzip.compress(FEED)[:-8] + bytes(8), ImportFailed, "is damaged"),
        (gzip.compress(gzip.compress(FEED)), ImportFailed, "the file is compressed"),
        (gzip.compress(b""), ImportFailed, "the file is empty"),
    ],
    ids=["cut", "damaged", "twice", "empty"],
)
def test_a_compressed_feed_with_a_fault_is_a_sentence(
    tmp_path: Path, data: bytes, error: type[Exception], sentence: str
) -> None:
    path = tmp_path / "shop.csv.gz"
    path.write_bytes(data)

    with pytest.raises(error, match=sentence):
        import_file(path)

    assert not Product.objects.exists()


def test_a_bomb_is_refused_before_it_fills_the_disk(tmp_path: Path) -> None:
    path = tmp_path / "bomb.csv.gz"
    with path.open("wb") as file:
        for _ in range(50):  # 50 MB in 50 kB
            file.write(gzip.compress(bytes(1024**2), 9))
    before = set(os.listdir("/tmp"))

    with pytest.raises(ImportFailed, match=r"decompresses to more than a feed can have \(\d+ MB\)"):
        import_file(path)

    assert count_rows(path) == 1
    assert {name for name in set(os.listdir("/tmp")) - before if "vitrina-feed" in name} == set()


def test_a_feed_may_decompress_to_the_size_of_feeds(tmp_path: Path, settings: Any) -> None:
    settings.SOURCE_MAX_BYTES = 4 * 1024**2
    path = tmp_path / "shop.csv.gz"
    noise = os.urandom(5 * 1024**2)
    path.write_bytes(gzip.compress(noise, 1))
    read = bytearray()

    def read_all() -> None:
        for part in read_parts(path):
            read.extend(part)

    with pytest.raises(ImportFailed, match="4 MB"):
        read_all()

    assert noise.startswith(bytes(read))
    assert 3 * 1024**2 < len(read) <= 4 * 1024**2
