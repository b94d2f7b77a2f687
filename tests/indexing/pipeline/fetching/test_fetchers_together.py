"""Several fetchers share the work, and a fetcher that is killed loses none of it."""

import threading
from collections import Counter
from typing import Any

import pytest
from django.db import connection

from catalog.models import ImageAddress, ProductImage
from indexing.models import Chunk, IndexingRun
from indexing.pipeline.fetch_stage import start_fetch
from indexing.pipeline.fetching.claims import Claim, claim_due
from indexing.pipeline.fetching.fetch_round import fetch_due_photos
from indexing.pipeline.fetching.outcomes import record_outcomes
from indexing.pipeline.fetching.photo_fetch import Unchanged
from indexing.pipeline.worker import work_on
from tests.catalog.importing.fetching.photo_server import PhotoServer, write
from tests.indexing.pipeline.fetching.conftest import Supply
from tests.indexing.pipeline.fetching.photo_addresses import known, let_pass, photos_of
from tests.indexing.shop import photo
from tests.support.processes import Processes, wait_until

RED = photo("red")
HEAD = b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: %d\r\n\r\n" % len(RED)
State = ImageAddress.State


def test_two_fetchers_at_once_fetch_every_address_once(
    committed_shop: None, server: PhotoServer, supply: Supply, settings: Any
) -> None:
    # Given addresses that take a moment each, and an import that names more meanwhile.
    settings.IMPORT_FETCHES_PER_HOST = 5
    supply("a", *[server.put_slow(f"/{number}.jpg", photo(number)) for number in range(30)])
    done: list[int] = []

    def fetch() -> None:
        try:
            done.append(fetch_due_photos(lambda: None))
        finally:
            connection.close()

    fetchers = [threading.Thread(target=fetch) for _ in range(2)]
    for fetcher in fetchers:
        fetcher.start()
    supply("b", server.url("/3.jpg"), server.put_slow("/late.jpg", RED))
    for fetcher in fetchers:
        fetcher.join()
    fetch()

    # Then each was fetched once, within the limit of the host, and no photo is missing.
    assert set(Counter(server.requests).values()) == {1}
    assert sum(done) == 31
    assert server.most_at_once <= 5
    assert (len(photos_of("a")), len(photos_of("b"))) == (30, 2)


def test_a_killed_fetcher_is_replaced_and_nothing_that_is_stored_is_fetched_twice(
    processes: Processes, server: PhotoServer, supply: Supply
) -> None:
    # Given a process that has stored some photos, and is in the middle of others.
    quick = [server.put(f"/{number}.jpg", photo(number)) for number in range(6)]
    slow = write(HEAD, b"", every_s=0.2, times=50)
    stuck = [server.act(f"/stuck-{number}.jpg", slow) for number in range(3)]
    supply("a", *quick, *stuck)
    run = start_fetch()
    worker = processes.start("index", "fetch", IMPORT_ALLOWED_HOSTS=server.host)
    wait_until(lambda: ImageAddress.objects.filter(state=State.FETCHED).count() == 6)
    wait_until(lambda: len(server.requests) == 9)

    # When it is killed,
    processes.kill(worker)
    stored = list(ProductImage.objects.order_by("pk").values())
    assert len(stored) == 6
    assert claim_due(100) == []  # the others are still claimed
    let_pass(minutes=2)
    Chunk.objects.update(lease_until=ImageAddress.objects.latest("claimed_at").claimed_at)
    for number, url in enumerate(stuck, 6):
        server.put(url.removeprefix(server.url("")), photo(number))
    assert work_on(run).state == IndexingRun.State.SUCCEEDED

    # then the next one fetches the rest of the same run, and nothing twice that was stored.
    assert IndexingRun.objects.get().chunks.get().attempts == 2
    asked = Counter(server.requests)
    assert [asked[f"/{number}.jpg"] for number in range(6)] == [1] * 6
    assert [asked[f"/stuck-{number}.jpg"] for number in range(3)] == [2] * 3
    assert list(ProductImage.objects.order_by("pk").values())[:6] == stored
    assert len(photos_of("a")) == 9


@pytest.mark.usefixtures("empty_shop")
def test_a_fetcher_whose_claim_has_expired_changes_nothing(
    server: PhotoServer, supply: Supply
) -> None:
    url = server.put("/a.jpg", RED)
    supply("a", url)
    [late] = claim_due(10)
    let_pass(minutes=2)
    assert fetch_due_photos(lambda: None) == 1
    before = known(url)

    record_outcomes([(late, Unchanged('"late"', ""))])

    assert known(url).etag == before.etag == ""
    assert known(url).claimed_at == before.claimed_at


@pytest.mark.usefixtures("empty_shop")
def test_hosts_take_turns(server: PhotoServer, supply: Supply, settings: Any) -> None:
    settings.IMPORT_FETCHES_PER_HOST = 10
    supply("a", *[f"http://large.example/{number}.jpg" for number in range(50)])
    supply("b", *[f"http://small.example/{number}.jpg" for number in range(2)])

    claims: list[Claim] = claim_due(6)

    assert Counter(claim.host for claim in claims) == {"large.example": 4, "small.example": 2}
    assert Counter(claim.host for claim in claim_due(99)) == {"large.example": 6}
