"""Images, and a feed beside them, are read from zip archives, which may be hostile."""

import json
import struct
import zipfile
from io import BytesIO, StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command

from catalog.importing.files import ImportFailed, import_file
from catalog.importing.photos import photo_archives
from catalog.importing.photos.photo_archives import open_archive
from catalog.importing.records import RecordError
from catalog.models import Product, ProductImage
from catalog.models.product import content_hash
from tests.catalog.conftest import photo

pytestmark = pytest.mark.usefixtures("empty_catalogue")

RED, BLUE = photo("red"), photo("blue")


@pytest.fixture(autouse=True)
def _media_of_this_test(settings: Any, tmp_path: Path) -> None:
    settings.MEDIA_ROOT = tmp_path / "media"


def feed(*images: str) -> bytes:
    lines = [{"sku": f"s{number}", "images": [name]} for number, name in enumerate(images)]
    return "\n".join(map(json.dumps, lines)).encode()


def archive(path: Path, members: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> Path:
    with zipfile.ZipFile(path, "w", method) as file:
        for name, data in members.items():
            file.writestr(name, data)
    return path


def patched(path: Path, old: bytes, new: bytes) -> Path:
    data = path.read_bytes()
    assert old in data
    path.write_bytes(data.replace(old, new))
    return path


def hashes() -> dict[str, str]:
    return dict(ProductImage.objects.values_list("product__sku", "content_hash"))


def test_an_archive_with_one_feed_is_imported_as_a_whole(tmp_path: Path) -> None:
    members = {
        "shop/products.jsonl": feed("photos/red.png", "./photos\\blue.png"),
        "shop/photos/red.png": RED,
        "shop/photos/blue.png": BLUE,
        "__MACOSX/shop/._products.jsonl": b"",
        "readme.txt": b"",
    }

    report = import_file(archive(tmp_path / "shop.zip", members))

    assert (report.written, report.errors) == (2, [])
    assert hashes() == {"s0": content_hash(RED), "s1": content_hash(BLUE)}
    assert not (tmp_path / "shop").exists()


def test_images_may_be_in_an_archive_beside_the_feed(tmp_path: Path) -> None:
    file = tmp_path / "products.jsonl"
    file.write_bytes(feed("photos/red.png", "missing.png"))
    photos = archive(tmp_path / "photos.zip", {"photos/red.png": RED})

    report = import_file(file, images=photos)

    assert report.errors == [(2, "image 'missing.png' is not in photos.zip")]
    assert hashes() == {"s0": content_hash(RED)}
    shown = StringIO()
    file.write_bytes(feed("photos/red.png"))
    call_command("import_products", str(file), "--images", str(photos), "-v", "0", stdout=shown)
    assert "1 products written" in shown.getvalue()


@pytest.mark.parametrize(
    ("members", "sentence"),
    [
        ({}, "must have exactly one feed (.csv, .jsonl, .ndjson, .tsv, .txt, .xml, .yml); it has"),
        ({"a.jsonl": b"", "b/c.jsonl": b""}, "it has 2: a.jsonl, b/c.jsonl"),
        ({"a.jsonl": bytes(50 * 1024**2)}, "a.jsonl cannot be read: it is larger than a feed"),
    ],
)
def test_an_archive_without_its_one_feed_is_refused(
    tmp_path: Path, members: dict[str, bytes], sentence: str
) -> None:
    with pytest.raises(ImportFailed) as failed:
        import_file(archive(tmp_path / "shop.zip", {"red.png": RED, **members}))

    assert sentence in str(failed.value)
    assert not Product.objects.exists()


@pytest.mark.parametrize("data", [b"", b"no zip", b"PK\5\6", b"PK\3\4" + bytes(99)])
def test_what_is_no_archive_is_refused(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "shop.zip").write_bytes(data)

    with pytest.raises(ImportFailed, match="no zip archive, or it is damaged"):
        import_file(tmp_path / "shop.zip")


def reason(path: Path, name: str) -> str:
    with open_archive(path) as opened, pytest.raises(RecordError) as refused:
        opened.read_image(name)
    return str(refused.value)


@pytest.mark.parametrize(
    "name", ["../secret.png", "photos/../../secret.png", "/etc/passwd", "C:\\secret.png", ""]
)
def test_a_path_out_of_the_archive_names_nothing(tmp_path: Path, name: str) -> None:
    (tmp_path / "secret.png").write_bytes(RED)
    (tmp_path / "inner").mkdir()
    path = archive(tmp_path / "inner" / "a.zip", {"../secret.png": BLUE, "red.png": RED})

    assert "is not in a.zip" in reason(path, name)


def test_members_that_are_too_large_are_refused_by_what_they_say_and_by_what_they_are(
    tmp_path: Path, settings: Any
) -> None:
    settings.IMAGE_MAX_BYTES = 1024**2
    bomb = archive(tmp_path / "bomb.zip", {"bomb.png": bytes(20 * 1024**2)})
    lying = archive(tmp_path / "lying.zip", {"bomb.png": bytes(20 * 1024**2)})
    size = struct.pack("<I", 20 * 1024**2)

    assert "it has more than 1 MB" in reason(bomb, "bomb.png")
    assert "it is damaged" in reason(patched(lying, size, struct.pack("<I", 5000)), "bomb.png")


def test_broken_members_are_refused(tmp_path: Path) -> None:
    damaged = archive(tmp_path / "damaged.zip", {"a.png": RED}, zipfile.ZIP_STORED)
    patched(damaged, RED, RED[:-1] + b"?")
    cut = archive(tmp_path / "cut.zip", {"a.png": bytes(range(256)) * 99})
    with zipfile.ZipFile(cut) as file:
        start = file.infolist()[0].header_offset + 30 + len("a.png")
    patched(cut, cut.read_bytes()[start : start + 20], b"\xff" * 20)
    encrypted = archive(tmp_path / "encrypted.zip", {"a.png": RED}, zipfile.ZIP_STORED)
    patched(encrypted, b"PK\1\2\x14\3\x14\0\0\0", b"PK\1\2\x14\3\x14\0\1\0")
    unknown = archive(tmp_path / "unknown.zip", {"a.png": RED}, zipfile.ZIP_STORED)
    patched(unknown, b"PK\1\2\x14\3\x14\0\0\0\0\0", b"PK\1\2\x14\3\x14\0\0\0\x63\0")

    assert "cannot be read from damaged.zip: it is damaged" in reason(damaged, "a.png")
    assert "it is damaged" in reason(cut, "a.png")
    assert "it is encrypted" in reason(encrypted, "a.png")
    assert "its compression is not known" in reason(unknown, "a.png")


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_a_name_that_is_there_twice_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("a.png", RED)
        file.writestr("a.png", BLUE)
        file.writestr("b.png", BLUE)

    assert "the archive holds this name twice" in reason(path, "a.png")
    with open_archive(path) as opened:
        assert opened.read_image("b.png") == BLUE


def test_an_archive_of_too_many_files_is_refused_before_they_are_listed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = archive(tmp_path / "a.zip", {f"{number}.png": b"" for number in range(20)})
    ends = path.read_bytes()
    at = ends.rfind(b"PK\5\6") + 12
    long = BytesIO(ends)
    long.seek(at)
    long.write(struct.pack("<I", 2**31))
    (tmp_path / "long.zip").write_bytes(long.getvalue())

    with pytest.raises(ImportFailed, match="the list of its files is too long"):
        import_file(tmp_path / "long.zip")
    monkeypatch.setattr(photo_archives, "MAX_MEMBERS", 19)
    with pytest.raises(ImportFailed, match="has more than 19 files"):
        import_file(path)
