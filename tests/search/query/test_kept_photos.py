"""Shoppers' photos between two searches: random ids, a limit in bytes, and no failed search."""

import os
import resource
import shutil
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from django.db import connection, connections
from django.test import Client
from PIL import Image

from catalog.models import LoggedSearch
from catalog.models.product import content_hash
from search.events.search_log import search_log
from search.query import kept_photos
from search.serving.deadline import Deadline
from tests.search.full_admission import full_admission

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("demo_index")]

Ask = Callable[..., dict[str, Any]]
CHAIR = "blends-antiquechair-0"
MAX_LINKS = 70_000  # more than ext4 makes of a file
LAMP = "scopia-living-lamp-2"


def files(settings: Any) -> list[Path]:
    return sorted(path for path in settings.QUERY_PHOTOS.iterdir() if path.suffix != ".jpg")


def id_of(by_photo: Ask, photo: str = CHAIR, **fields: Any) -> str:
    return by_photo(photo, **fields)["query"]["id"]


# --- Privacy --------------------------------------------------------------------------------------
def test_nothing_of_a_photo_stands_in_its_id(by_photo: Ask, photos: Any) -> None:
    first, second = id_of(by_photo), id_of(by_photo)

    of_file = content_hash(photos[CHAIR].data)
    assert not {first[:6], first[-6:]} & {of_file[:6], of_file[-6:]}
    assert not {first[:6], first[-6:]} & {second[:6], second[-6:]}


@pytest.mark.parametrize("place", [0, 15, 16, 31])
def test_an_id_is_looked_up_whole(by_photo: Ask, client: Client, place: int) -> None:
    query = id_of(by_photo)
    other = query[:place] + ("0" if query[place] != "0" else "1") + query[place + 1 :]

    response = client.post("/api/v1/search/photo/", {"query": other})

    assert response.status_code == 404
    assert client.get(f"/search/photos/{other}.jpg").status_code == 404
    assert client.get(f"/search/photos/{query}.jpg").status_code == 200


def test_who_has_the_file_of_a_photo_does_not_find_who_searched_for_it(
    by_photo: Ask, client: Client, photos: Any, settings: Any
) -> None:
    by_photo(CHAIR)
    of_file = content_hash(photos[CHAIR].data)

    for guess in (of_file[:32], of_file[:16] + "0" * 16):
        assert client.get(f"/search/photos/{guess}.jpg").status_code == 404
        assert client.post("/api/v1/search/photo/", {"query": guess}).status_code == 404


def test_the_log_keeps_the_id_and_nothing_that_follows_from_the_photo(
    by_photo: Ask, photos: Any, settings: Any
) -> None:
    settings.SEARCH_LOG_DAYS = 1
    query = id_of(by_photo)
    search_log.flush()

    with connection.cursor() as cursor:
        cursor.execute("SELECT row_to_json(s)::text FROM catalog_loggedsearch s")
        (row,) = cursor.fetchone()
    assert LoggedSearch.objects.get().query_id == query
    of_file = content_hash(photos[CHAIR].data)
    parts = {of_file[n : n + 8] for n in range(len(of_file) - 8)}
    assert not any(part in row for part in parts)


# --- Kept once, and for a while -------------------------------------------------------------------
def test_pages_and_boxes_of_a_photo_keep_it_on_disk_once(by_photo: Ask, settings: Any) -> None:
    first = id_of(by_photo)
    second = id_of(by_photo, None, query=first, offset=24)
    third = id_of(by_photo, None, query=second, box=(0.1, 0.1, 0.8, 0.8))

    assert {path.name for path in files(settings)} == {first, second, third}
    assert len({path.stat().st_ino for path in files(settings)}) == 1


def test_a_photo_whose_file_takes_no_further_link_is_kept_in_another(
    by_photo: Ask, settings: Any, tmp_path: Path
) -> None:
    settings.QUERY_PHOTOS = linked = tmp_path / "linked"
    first = id_of(by_photo)
    (tmp_path / "links").mkdir()
    with suppress(OSError):  # the kernel says when there are too many
        for number in range(MAX_LINKS):
            os.link(linked / first, tmp_path / "links" / str(number))

    second = id_of(by_photo, None, query=first)
    third = id_of(by_photo, None, query=second)

    shutil.rmtree(tmp_path / "links")
    assert {path.name for path in files(settings)} == {first, second, third}


@pytest.mark.parametrize("size", [0, 1, 20])
def test_a_photo_whose_file_was_cut_is_not_kept_any_more(
    by_photo: Ask, client: Client, settings: Any, size: int
) -> None:
    query = id_of(by_photo)
    os.truncate(settings.QUERY_PHOTOS / query, size)

    assert client.post("/api/v1/search/photo/", {"query": query}).status_code == 404
    assert client.get(f"/search/photos/{query}.jpg").status_code == 404


def test_each_use_keeps_a_photo_longer(by_photo: Ask, settings: Any) -> None:
    first = id_of(by_photo)
    almost = files(settings)[0].stat().st_mtime - settings.QUERY_PHOTO_KEPT_S + 60
    os.utime(settings.QUERY_PHOTOS / first, (almost, almost))

    second = id_of(by_photo, None, query=first)

    assert (settings.QUERY_PHOTOS / second).stat().st_mtime > almost + 600


def test_a_photo_is_forgotten_after_its_time(by_photo: Ask, client: Client, settings: Any) -> None:
    query = id_of(by_photo)
    os.utime(settings.QUERY_PHOTOS / query, (0, 0))

    assert client.post("/api/v1/search/photo/", {"query": query}).status_code == 404


def test_nobody_else_on_the_machine_reads_kept_photos(by_photo: Ask, settings: Any) -> None:
    by_photo(CHAIR)

    assert settings.QUERY_PHOTOS.stat().st_mode & 0o077 == 0
    assert all(path.stat().st_mode & 0o077 == 0 for path in files(settings))


def test_all_kept_photos_together_stay_below_their_bound(settings: Any) -> None:
    settings.QUERY_PHOTOS_BYTES = 2_000_000
    for number in range(60):
        kept_photos.store_photo(f"{number:032x}", os.urandom(100_000), None)
        taken = sum(512 * path.stat().st_blocks for path in files(settings))
        assert taken <= settings.QUERY_PHOTOS_BYTES

    assert kept_photos.load_photo(f"{59:032x}") is not None, "the latest stay"
    assert kept_photos.load_photo(f"{0:032x}") is None, "the oldest go"


def test_photos_past_their_time_leave_the_disk(by_photo: Ask, photos: Any, settings: Any) -> None:
    # Given room for ten photos, so that every photo starts a sweep.
    settings.QUERY_PHOTOS_BYTES = 10 * len(photos[CHAIR].data)
    first = id_of(by_photo)
    os.utime(settings.QUERY_PHOTOS / first, (0, 0))

    second = id_of(by_photo)

    assert [path.name for path in files(settings)] == [second]


# --- A full disk ----------------------------------------------------------------------------------
@contextmanager
def no_room_beyond(size: int) -> Iterator[None]:
    """The kernel limits the files that this process writes to `size` bytes."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_a_full_disk_costs_no_answer(
    by_photo: Ask, client: Client, photos: Any, settings: Any
) -> None:
    before = id_of(by_photo, LAMP)  # starts the decoder, which has files of its own

    with no_room_beyond(len(photos[CHAIR].data)):
        answer = by_photo(CHAIR)

    assert answer["count"] == 24
    assert [path.name for path in files(settings)] == [before], "nothing half-written stays"
    gone = client.post("/api/v1/search/photo/", {"query": answer["query"]["id"]})
    assert gone.json()["code"] == "not_found"


def test_a_full_disk_costs_no_preview(
    by_photo: Ask, client: Client, photos: Any, settings: Any
) -> None:
    coarse = BytesIO()  # smaller than its preview
    Image.open(BytesIO(photos[CHAIR].data)).save(coarse, "JPEG", quality=5)
    query = id_of(by_photo, coarse.getvalue())

    with no_room_beyond(len(coarse.getvalue())):
        shown = [client.get(f"/search/photos/{query}.jpg") for _ in range(2)]

    assert [response.status_code for response in shown] == [200, 200]
    assert not list(settings.QUERY_PHOTOS.glob("*.jpg")), "nothing half-written stays"


# --- Previews -------------------------------------------------------------------------------------
@pytest.fixture
def decoded(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The sizes of the photos that previews were made of."""
    from search.query import preview

    made, original = [], preview.decode_within

    def counted(deadline: Deadline, data: bytes, *where: Any, **how: Any) -> Image.Image:
        made.append(len(data))
        return original(deadline, data, *where, **how)

    monkeypatch.setattr(preview, "decode_within", counted)
    return made


def test_a_preview_is_made_once_however_many_ask_for_it(by_photo: Ask, decoded: list[int]) -> None:
    first = id_of(by_photo)
    second = id_of(by_photo, None, query=first)
    assert decoded == [], "not before it is asked for"

    def ask(number: int) -> bytes:
        try:
            return Client().get(f"/search/photos/{(first, second)[number % 2]}.jpg").content
        finally:
            connections.close_all()

    with ThreadPoolExecutor(8) as threads:
        shown = set(threads.map(ask, range(40)))

    assert len(decoded) == 1
    (jpeg,) = shown
    assert max(Image.open(BytesIO(jpeg)).size) <= 1200


def test_a_preview_waits_for_its_turn_as_searches_do(
    by_photo: Ask, client: Client, decoded: list[int]
) -> None:
    query = id_of(by_photo)

    with full_admission():
        refused = client.get(f"/search/photos/{query}.jpg")
    assert refused.status_code == 503
    assert int(refused["Retry-After"]) > 0
    assert decoded == []

    assert client.get(f"/search/photos/{query}.jpg").status_code == 200


def test_a_photo_that_cannot_be_decoded_has_no_preview(client: Client) -> None:
    kept_photos.store_photo("a" * 32, b"not a photo", None)

    assert client.get(f"/search/photos/{'a' * 32}.jpg").status_code == 404
