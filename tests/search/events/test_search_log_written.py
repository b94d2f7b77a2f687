"""The thread that writes the search log, in separate processes."""

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
from tests.support.processes import REPOSITORY, url_of_test_database, wait_until

pytestmark = pytest.mark.django_db(transaction=True)

REQUEST = SearchRequest(text="lamp")

PROCESS = """
import django
django.setup()
from search.events.search_log import DROPPED, search_log
from tests.search.events.test_search_log_written import REQUEST, make_answer
for _ in range(3):
    search_log.add(REQUEST, make_answer(), "192.0.2.1")
import atexit
atexit._run_exitfuncs()
print("dropped", DROPPED._value.get())
"""


def make_answer() -> SearchAnswer:
    return SearchAnswer(
        query_id=uuid.uuid4().hex,
        kind="text",
        box=None,
        generation=Generation(pk=7),
        complete=True,
        calibrated=True,
        results=[],
        next_offset=None,
        facets={},
    )


def run_process(**environment: str) -> str:
    """Returns the output of a process that logs three searches and exits at once."""
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


def test_one_background_thread_writes_the_queue(log: SearchLog) -> None:
    log.add(REQUEST, make_answer(), "192.0.2.1")
    wait_until(lambda: LoggedSearch.objects.count() == 1)
    (thread,) = [t for t in threading.enumerate() if t.name == "search-log" and t is log._thread]

    for _ in range(500):
        log.add(REQUEST, make_answer(), "192.0.2.1")

    wait_until(lambda: LoggedSearch.objects.count() == 501)
    assert log._thread is thread


def test_a_process_writes_its_queue_before_it_exits() -> None:
    assert "dropped 0.0" in run_process()
    assert LoggedSearch.objects.count() == 3


def test_a_process_with_a_connection_pool_writes_its_queue_before_it_exits() -> None:
    assert "dropped 0.0" in run_process(DATABASE_POOL="2")
    assert LoggedSearch.objects.count() == 3


@pytest.mark.long
def test_a_process_without_a_database_exits_and_counts_dropped_entries() -> None:
    assert "dropped 3.0" in run_process(DATABASE_URL="postgres://nobody@127.0.0.1:1/nothing")
    assert not LoggedSearch.objects.exists()


def test_flush_waits_for_a_write_in_another_thread(log: SearchLog) -> None:
    # Given a locked table, which blocks the writing thread.
    with connection.cursor() as cursor:
        cursor.execute("BEGIN; LOCK TABLE catalog_loggedsearch IN ACCESS EXCLUSIVE MODE")
        log.add(REQUEST, make_answer(), "192.0.2.1")
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
