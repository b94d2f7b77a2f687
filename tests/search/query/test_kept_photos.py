"""Photos that are kept between searches: random ids, a limit in bytes, and no failed searches."""

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

Search = Callable[..., dict[str, Any]]
CHAIR = "blends-antiquechair-0"
MAX_LINKS = 70_000  # more than ext4 makes of a file
LAMP = "scopia-living-lamp-2"


def list_files(settings: Any) -> list[Path]:
    return sorted(path for path in settings.QUERY_PHOTOS.iterdir() if path.suffix != ".jpg")


def search_id(by_photo: Search, photo: str = CHAIR, **fields: Any) -> str:
    return by_photo(photo, **fields)["query"]["id"]


# --- Privacy --------------------------------------------------------------------------------------
def test_the_query_id_contains_nothing_of_the_photo(by_photo: Search, photos: Any) -> None:
    first, second = search_id(by_photo), search_id(by_photo)

    file_hash = content_hash(photos[CHAIR].data)
    assert not {first[:6], first[-6:]} & {file_hash[:6], file_hash[-6:]}
    assert not {first[:6], first[-6:]} & {second[:6], second[-6:]}


@pytest.mark.parametrize("place", [0, 15, 16, 31])
def test_a_photo_is_found_only_by_its_whole_id(
    by_photo: Search, client: Client, place: int
) -> None:
    query = search_id(by_photo)
    other = query[:place] + ("0" if query[place] != "0" else "1") + query[place + 1 :]

    response = client.post("/api/v1/search/photo/", {"query": other})

    assert response.status_code == 404
    assert client.get(f"/search/photos/{other}.jpg").status_code == 404
    assert client.get(f"/search/photos/{query}.jpg").status_code == 200


def test_the_hash_of_a_photo_does_not_find_its_search(
    by_photo: Search, client: Client, photos: Any, settings: Any
) -> None:
    by_photo(CHAIR)
    file_hash = content_hash(photos[CHAIR].data)

    for guess in (file_hash[:32], file_hash[:16] + "0" * 16):
        assert client.get(f"/search/photos/{guess}.jpg").status_code == 404
        assert client.post("/api/v1/search/photo/", {"query": guess}).status_code == 404


def test_the_log_keeps_the_id_and_nothing_derived_from_the_photo(
    by_photo: Search, photos: Any, settings: Any
) -> None:
    settings.SEARCH_LOG_DAYS = 1
    query = search_id(by_photo)
    search_log.flush()

    with connection.cursor() as cursor:
        cursor.execute("SELECT row_to_json(s)::text FROM catalog_loggedsearch s")
        (row,) = cursor.fetchone()
    assert LoggedSearch.objects.get().query_id == query
    file_hash = content_hash(photos[CHAIR].data)
    parts = {file_hash[n : n + 8] for n in range(len(file_hash) - 8)}
    assert not any(part in row for part in parts)


# --- Kept once, and for a while -------------------------------------------------------------------
def test_pages_and_boxes_of_a_photo_store_it_once(by_photo: Search, settings: Any) -> None:
    first = search_id(by_photo)
    second = search_id(by_photo, None, query=first, offset=24)
    third = search_id(by_photo, None, query=second, box=(0.1, 0.1, 0.8, 0.8))

    assert {path.name for path in list_files(settings)} == {first, second, third}
    assert len({path.stat().st_ino for path in list_files(settings)}) == 1


def test_a_photo_with_too_many_links_is_stored_in_another_file(
    by_photo: Search, settings: Any, tmp_path: Path
) -> None:
    settings.QUERY_PHOTOS = linked = tmp_path / "linked"
    first = search_id(by_photo)
    (tmp_path / "links").mkdir()
    with suppress(OSError):  # the kernel refuses further links
        for number in range(MAX_LINKS):
            os.link(linked / first, tmp_path / "links" / str(number))

    second = search_id(by_photo, None, query=first)
    third = search_id(by_photo, None, query=second)

    shutil.rmtree(tmp_path / "links")
    assert {path.name for path in list_files(settings)} == {first, second, third}


@pytest.mark.parametrize("size", [0, 1, 20])
def test_a_truncated_file_is_not_found(
    by_photo: Search, client: Client, settings: Any, size: int
) -> None:
    query = search_id(by_photo)
    os.truncate(settings.QUERY_PHOTOS / query, size)

    assert client.post("/api/v1/search/photo/", {"query": query}).status_code == 404
    assert client.get(f"/search/photos/{query}.jpg").status_code == 404


def test_each_use_extends_the_time_a_photo_is_kept(by_photo: Search, settings: Any) -> None:
    first = search_id(by_photo)
    almost = list_files(settings)[0].stat().st_mtime - settings.QUERY_PHOTO_KEPT_S + 60
    os.utime(settings.QUERY_PHOTOS / first, (almost, almost))

    second = search_id(by_photo, None, query=first)

    assert (settings.QUERY_PHOTOS / second).stat().st_mtime > almost + 600


def test_a_photo_expires(by_photo: Search, client: Client, settings: Any) -> None:
    query = search_id(by_photo)
    os.utime(settings.QUERY_PHOTOS / query, (0, 0))

    assert client.post("/api/v1/search/photo/", {"query": query}).status_code == 404


def test_other_users_of_the_machine_cannot_read_kept_photos(
    by_photo: Search, settings: Any
) -> None:
    by_photo(CHAIR)

    assert settings.QUERY_PHOTOS.stat().st_mode & 0o077 == 0
    assert all(path.stat().st_mode & 0o077 == 0 for path in list_files(settings))


def test_kept_photos_stay_within_their_limit_in_bytes(settings: Any) -> None:
    settings.QUERY_PHOTOS_BYTES = 2_000_000
    for number in range(60):
        kept_photos.store_photos(f"{number:032x}", [os.urandom(100_000)], None)
        taken = sum(512 * path.stat().st_blocks for path in list_files(settings))
        assert taken <= settings.QUERY_PHOTOS_BYTES

    assert kept_photos.load_photos(f"{59:032x}") is not None, "the latest stay"
    assert kept_photos.load_photos(f"{0:032x}") is None, "the oldest go"


def test_expired_photos_are_deleted(by_photo: Search, photos: Any, settings: Any) -> None:
    # Given room for ten photos, so that every photo starts a sweep.
    settings.QUERY_PHOTOS_BYTES = 10 * len(photos[CHAIR].data)
    first = search_id(by_photo)
    os.utime(settings.QUERY_PHOTOS / first, (0, 0))

    second = search_id(by_photo)

    assert [path.name for path in list_files(settings)] == [second]


# --- A full disk ----------------------------------------------------------------------------------
@contextmanager
def file_size_limit(size: int) -> Iterator[None]:
    """The kernel limits the files that this process writes to `size` bytes."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_a_search_succeeds_on_a_full_disk(
    by_photo: Search, client: Client, photos: Any, settings: Any
) -> None:
    before = search_id(by_photo, LAMP)  # starts the decoder, which has files of its own

    with file_size_limit(len(photos[CHAIR].data)):
        answer = by_photo(CHAIR)

    assert answer["count"] == 24
    assert [path.name for path in list_files(settings)] == [before], "nothing half-written stays"
    gone = client.post("/api/v1/search/photo/", {"query": answer["query"]["id"]})
    assert gone.json()["code"] == "not_found"


def test_a_preview_is_served_on_a_full_disk(
    by_photo: Search, client: Client, photos: Any, settings: Any
) -> None:
    coarse = BytesIO()  # smaller than its preview
    Image.open(BytesIO(photos[CHAIR].data)).save(coarse, "JPEG", quality=5)
    query = search_id(by_photo, coarse.getvalue())

    with file_size_limit(len(coarse.getvalue())):
        shown = [client.get(f"/search/photos/{query}.jpg") for _ in range(2)]

    assert [response.status_code for response in shown] == [200, 200]
    assert not list(settings.QUERY_PHOTOS.glob("*.jpg")), "nothing half-written stays"


# --- Previews -------------------------------------------------------------------------------------
@pytest.fixture
def decoded(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The sizes of the photos that previews were made of."""
    from search.query import preview

    made, original = [], preview.decode_within

    def decode_and_count(
        deadline: Deadline, data: bytes, *args: Any, **options: Any
    ) -> Image.Image:
        made.append(len(data))
        return original(deadline, data, *args, **options)

    monkeypatch.setattr(preview, "decode_within", decode_and_count)
    return made


def test_concurrent_requests_for_a_preview_share_one_decoding(
    by_photo: Search, decoded: list[int]
) -> None:
    first = search_id(by_photo)
    second = search_id(by_photo, None, query=first)
    assert decoded == [], "previews are made on request"

    def get_preview(number: int) -> bytes:
        try:
            return Client().get(f"/search/photos/{(first, second)[number % 2]}.jpg").content
        finally:
            connections.close_all()

    with ThreadPoolExecutor(8) as threads:
        shown = set(threads.map(get_preview, range(40)))

    assert len(decoded) == 1
    (jpeg,) = shown
    assert max(Image.open(BytesIO(jpeg)).size) <= 1200


def test_previews_share_the_admission_of_searches(
    by_photo: Search, client: Client, decoded: list[int]
) -> None:
    query = search_id(by_photo)

    with full_admission():
        refused = client.get(f"/search/photos/{query}.jpg")
    assert refused.status_code == 503
    assert int(refused["Retry-After"]) > 0
    assert decoded == []

    assert client.get(f"/search/photos/{query}.jpg").status_code == 200


def test_a_photo_that_cannot_be_decoded_has_no_preview(client: Client) -> None:
    kept_photos.store_photos("a" * 32, [b"not a photo"], None)

    assert client.get(f"/search/photos/{'a' * 32}.jpg").status_code == 404
