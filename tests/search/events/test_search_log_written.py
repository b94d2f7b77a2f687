"""The thread that writes the search log, in processes of its own."""

import os
import subprocess
import sys
import threading
import uuid
from typing import Any

import pytest
from django.db import connection
from prometheus_client import generate_latest

from catalog.models import Generation, LoggedSearch
from search.answer import SearchAnswer
from search.events.search_log import SearchLog
from search.request import SearchRequest
from tests.processes import REPOSITORY, url_of_test_database, wait_until

pytestmark = pytest.mark.django_db(transaction=True)

ASKED = SearchRequest(text="lamp")

PROCESS = """
import django
django.setup()
from search.events.search_log import DROPPED, search_log
from tests.search.events.test_search_log_written import ASKED, answered
for _ in range(3):
    search_log.add(ASKED, answered(), "192.0.2.1")
import atexit
atexit._run_exitfuncs()
print("dropped", DROPPED._value.get())
"""


def answered() -> SearchAnswer:
    return SearchAnswer(
        query_id=uuid.uuid4().hex,
        kind="text",
        box=None,
        generation=Generation(pk=7),
        complete=True,
        results=[],
        next_offset=None,
        facets={},
    )


def ends(**environment: str) -> str:
    """The output of a process that searches three times and exits at once."""
    process = subprocess.run(
        [sys.executable, "-c", PROCESS],
        cwd=REPOSITORY,
        env={
            **os.environ,
            "DJANGO_SETTINGS_MODULE": "config.settings",
            "DATABASE_URL": url_of_test_database(),
            "SEARCH_LOG_DAYS": "1",
            **environment,
        },
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert process.returncode == 0, process.stderr
    return process.stdout


@pytest.fixture
def log(settings: Any) -> SearchLog:
    settings.SEARCH_LOG_DAYS = 1
    return SearchLog(write_interval_s=0.01)


def test_a_thread_of_its_own_writes_what_waits(log: SearchLog) -> None:
    log.add(ASKED, answered(), "192.0.2.1")
    wait_until(lambda: LoggedSearch.objects.count() == 1)
    (thread,) = [t for t in threading.enumerate() if t.name == "search-log" and t is log._thread]

    for _ in range(500):
        log.add(ASKED, answered(), "192.0.2.1")

    wait_until(lambda: LoggedSearch.objects.count() == 501)
    assert log._thread is thread


def test_a_process_that_ends_writes_what_waits_first() -> None:
    assert "dropped 0.0" in ends()
    assert LoggedSearch.objects.count() == 3


def test_so_does_one_with_a_pool_of_connections() -> None:
    assert "dropped 0.0" in ends(DATABASE_POOL="2")
    assert LoggedSearch.objects.count() == 3


def test_without_a_database_it_ends_all_the_same_and_counts_what_is_lost() -> None:
    assert "dropped 3.0" in ends(DATABASE_URL="postgres://nobody@127.0.0.1:1/nothing")
    assert not LoggedSearch.objects.exists()


def test_what_one_thread_is_writing_another_waits_for(log: SearchLog) -> None:
    # Given a locked table, at which the thread hangs.
    with connection.cursor() as cursor:
        cursor.execute("BEGIN; LOCK TABLE catalog_loggedsearch IN ACCESS EXCLUSIVE MODE")
        log.add(ASKED, answered(), "192.0.2.1")
        wait_until(lambda: not log._waiting)
        ending = threading.Thread(target=log.flush)
        ending.start()
        ending.join(0.2)
        assert ending.is_alive()
        cursor.execute("COMMIT")
    ending.join(60)

    assert not ending.is_alive()
    assert LoggedSearch.objects.count() == 1
    assert b"vitrina_search_log_dropped_total" in generate_latest()
