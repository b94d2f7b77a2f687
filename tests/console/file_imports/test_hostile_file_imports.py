"""Hostile files that operators upload: each gets a sentence, and what they say is shown as text."""

import io
import zipfile
from pathlib import Path
from typing import Any

import pytest
from django.test import Client

from catalog.models import Product, ProductImage
from tests.console.file_imports.uploads import (
    FEED,
    address_of,
    operator,
    press,
    text_of,
    upload,
    work,
)
from tests.indexing.shop import photo

pytestmark = pytest.mark.usefixtures("empty_shop")

ENTITIES = """<?xml version="1.0"?><!DOCTYPE rss [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]>
<rss><channel><item><id>1</id><title>&b;</title></item></channel></rss>"""


@pytest.fixture(autouse=True)
def folder(settings: Any, tmp_path: Path) -> Path:
    settings.UPLOADED_FEEDS = tmp_path / "uploads"
    return settings.UPLOADED_FEEDS


@pytest.fixture
def anna() -> Client:
    return operator("anna", "operate", "view_productimport")


def archive(**members: bytes) -> bytes:
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w", zipfile.ZIP_DEFLATED) as file:
        for name, content in members.items():
            file.writestr(name.replace("__", "."), content)
    return data.getvalue()


@pytest.mark.parametrize(
    ("name", "content", "sentence"),
    [
        ("empty.csv", b"", "The submitted file is empty."),
        ("blank.csv", b" \n", "the file is empty"),
        ("bomb.zip", archive(feed__csv=FEED.encode() + b"\n" * 20_000_000), "larger than a feed"),
        ("two.zip", archive(a__csv=b"1", b__csv=b"2"), "must have exactly one feed"),
        ("false.zip", b"no archive at all", "is no zip archive, or it is damaged"),
        ("shop.xlsx", archive(sheet__xml=b"1"), "a zip archive or a spreadsheet"),
        ("entities.xml", ENTITIES.encode(), "entit"),
        ("other.xml", b"<html><body/></html>", "the XML begins with &lt;html&gt;"),
        ("photo.png", photo(1, "PNG"), "not text"),
        ("other.csv", b"Hello,World\n1,2\n", "the format is not known"),
        ("array.json", b"[1, 2]", "array"),
        ("nested.jsonl", b'{"a":' * 100_000, "would be refused"),
    ],
    ids=lambda value: value if isinstance(value, str) and "." in value else "",
)
def test_a_file_that_cannot_be_imported_gets_a_sentence(
    anna: Client, name: str, content: bytes, sentence: str
) -> None:
    page = upload(anna, content, name)

    assert page.status_code == 200
    assert sentence in text_of(page)
    assert 'name="import"' not in text_of(page)
    assert not Product.objects.exists()


def test_html_and_formulas_are_shown_as_text(anna: Client) -> None:
    evil = "<script>alert(1)</script>"
    feed = f"sku,title,price,{evil}\n=1+1,{evil},5,{evil}\n{evil},Lamp,{evil},@x\n"

    page = upload(anna, feed, f"{evil}.csv")

    assert page.status_code == 200
    assert evil not in text_of(page)
    assert "=1+1" in text_of(page)
    assert "&lt;script&gt;" in text_of(page)


def test_files_that_wait_have_a_limit_together(anna: Client, folder: Path, settings: Any) -> None:
    settings.IMPORT_UPLOADS_BYTES = 2 * len(FEED) + 10
    first = address_of(upload(anna, FEED))
    address_of(upload(anna, FEED))

    refused = text_of(upload(anna, FEED))

    assert "wait for their import may have" in refused
    assert len(list(folder.iterdir())) == 2
    press(anna, first, "discard")
    assert "would be refused" in text_of(upload(anna, FEED))


def test_a_name_cannot_leave_the_folder(anna: Client, folder: Path, tmp_path: Path) -> None:
    for name in ("../../../escape.csv", "..\\..\\escape.csv", "a" * 250 + ".csv", "п" * 200):
        assert upload(anna, FEED, name).status_code == 200
    assert [path.name for path in tmp_path.iterdir()] == ["uploads"]


def test_rows_cannot_name_files_of_the_server_as_images(anna: Client, folder: Path) -> None:
    feed = "sku,title,price,images\nlamp,Lamp,5,../about.json\ndesk,Desk,5,/etc/passwd\n"

    press(anna, address_of(upload(anna, feed)), "import")
    done = work()

    # The products are there, without what lies outside of the upload.
    assert (done.added, done.refused) == (2, 0)
    assert not ProductImage.objects.exists()


def test_an_archive_brings_its_images(anna: Client) -> None:
    feed = b"sku,title,price,images\nlamp,Lamp,5,photos/lamp.png\n"
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as file:
        file.writestr("feed.csv", feed)
        file.writestr("photos/lamp.png", photo(3, "PNG"))
    page = upload(anna, data.getvalue(), "shop.zip")
    assert "1: photos/lamp.png" in text_of(page)

    press(anna, address_of(page), "import")
    work()

    assert Product.objects.get().images.count() == 1
