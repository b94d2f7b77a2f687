"""Runs database work whose changes are committed while a test's own transaction is not, so that
other threads and processes see them. The test undoes them in the same way."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from django.db import connections

Made = TypeVar("Made")


def run_committed(act: Callable[[], Made]) -> Made:
    """Runs `act` in a thread with a connection of its own, and returns what it returns."""

    def run() -> Made:
        try:
            return act()
        finally:
            connections.close_all()

    with ThreadPoolExecutor(1) as thread:
        return thread.submit(run).result()
