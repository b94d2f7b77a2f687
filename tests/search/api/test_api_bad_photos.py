"""Unusable files are refused with the reason."""

import struct
import zlib
from collections.abc import Callable
from io import BytesIO
from typing import Any

import pytest
from django.test import Client

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("demo_index")]

PHOTO = "/api/v1/search/photo/"
LAMP = "scopia-living-lamp-2"

Check = Callable[[Any, int, str], dict[str, Any]]


def png(width: int, height: int) -> bytes:
    """Returns a PNG of a few bytes whose header has this size."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        checksum = struct.pack(">I", zlib.crc32(kind + data))
        return struct.pack(">I", len(data)) + kind + data + checksum

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    pixels = zlib.compress(bytes(1000))
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")
    )


@pytest.mark.parametrize(
    ("image", "status", "code"),
    [
        (b"just some words, not a photo", 415, "image_type_unsupported"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", 415, "image_type_unsupported"),
        (b"%PDF-1.7 and so on", 415, "image_type_unsupported"),
        (png(50_000, 50_000), 413, "image_too_many_pixels"),
        (png(10_000, 5_000), 413, "image_too_many_pixels"),
        (b"\xff\xd8\xff" + bytes(30_000_000), 413, "image_too_large"),
        (b"\xff\xd8\xff\xe0 the rest was lost", 400, "image_unreadable"),
        (png(100, 100), 400, "image_unreadable"),
    ],
    ids=["text", "svg", "pdf", "2500 MP", "50 MP", "30 MB", "header only", "empty PNG"],
)
def test_an_unusable_file_is_refused(
    image: bytes, status: int, code: str, send: Callable[..., Any], check_problem: Check
) -> None:
    check_problem(send(image), status, code)


def test_a_truncated_photo_is_refused(
    send: Callable[..., Any], check_problem: Check, photos: dict[str, Any]
) -> None:
    data = photos[LAMP].data

    check_problem(send(data[: len(data) // 2]), 400, "image_unreadable")


def test_an_unusable_second_photo_is_refused(
    send: Callable[..., Any], check_problem: Check, photos: dict[str, Any]
) -> None:
    check_problem(send([photos[LAMP].data, b"no photo"]), 415, "image_type_unsupported")


def test_an_empty_file_counts_as_no_photo(send: Callable[..., Any], check_problem: Check) -> None:
    check_problem(send([b""]), 400, "image_missing")


@pytest.mark.parametrize("fields", [{}, {"text": "lamp"}, {"box": "0,0,1,1"}])
def test_a_photo_search_without_a_photo_is_refused(
    fields: dict[str, str], send: Callable[..., Any], check_problem: Check
) -> None:
    body = check_problem(send([], **fields), 400, "image_missing")

    assert "image" in body["detail"]


def test_a_file_name_in_place_of_a_photo_is_refused(visitor: Client, check_problem: Check) -> None:
    body = check_problem(visitor.post(PHOTO, {"image": "lamp.jpg"}), 400, "parameter_invalid")

    assert "image" in body["detail"]


def test_a_photo_in_an_unknown_field_is_refused(
    send: Callable[..., Any], check_problem: Check
) -> None:
    body = check_problem(send([], photo=BytesIO(b"x")), 400, "parameter_invalid")

    assert "photo" in body["detail"]


def test_five_photos_are_accepted_and_six_are_refused(
    send: Callable[..., Any], check_problem: Check, photos: dict[str, Any]
) -> None:
    assert send([photos[LAMP].data] * 5).status_code == 200
    body = check_problem(send([photos[LAMP].data] * 6), 400, "parameter_invalid")

    assert "5" in body["detail"]


def test_a_hundred_and_fifty_photos_are_refused(
    send: Callable[..., Any], check_problem: Check
) -> None:
    assert 400 <= send([b"x"] * 150).status_code < 500


@pytest.mark.parametrize("query", ["0" * 32, "лампа\x90", "../" * 10])
def test_a_photo_that_is_no_longer_kept_must_be_sent_again(
    send: Callable[..., Any], check_problem: Check, query: str
) -> None:
    body = check_problem(send([], query=query), 404, "not_found")

    assert "again" in body["detail"]
