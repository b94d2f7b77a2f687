"""Fills the admission of searches, so that further searches are refused."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager

from django.conf import settings
from django.test import override_settings

from search.serving.admission import admission
from search.serving.deadline import Deadline, Overloaded
from tests.support.processes import wait_until


@contextmanager
def full_admission() -> Iterator[None]:
    """As many searches as this process allows are running and waiting during the block."""
    with override_settings(SEARCH_TIME_LIMIT_S=60):
        deadline = Deadline()
    with ThreadPoolExecutor(settings.SEARCH_QUEUE) as threads, ExitStack() as running:
        for _ in range(settings.SEARCHES_AT_ONCE):
            running.enter_context(admission.admitted(deadline))
        for _ in range(settings.SEARCH_QUEUE):
            threads.submit(_wait_for_turn, deadline)
        wait_until(_is_full)
        yield


def _wait_for_turn(deadline: Deadline) -> None:
    with admission.admitted(deadline):
        pass


def _is_full() -> bool:
    with override_settings(SEARCH_TIME_LIMIT_S=0):
        expired = Deadline()
    try:
        with admission.admitted(expired):
            return False
    except Overloaded as error:
        return "Too many people" in str(error)
