"""Runs the processes of django-q2. None of them outlives the process that started it, and all stop
on request, even while they wait for a database."""

import logging
import os
import signal
import threading
import uuid
from multiprocessing import get_context
from multiprocessing.process import BaseProcess
from typing import Any

from django_q.cluster import Sentinel

from catalog.parent_death import make_forks_die_with_parent

log = logging.getLogger("vitrina.indexing")

STOP_TIMEOUT_S = 4.0  # for tasks to finish; an interrupted run continues from its chunks
POLL_S = 0.2


def run_task_queue(once: bool = False) -> bool:
    """Runs the task queue until SIGTERM or SIGINT, or with `once` until it has started. Then stops
    it within about STOP_TIMEOUT_S. Returns False if the sentinel, the parent of all workers, has
    died."""
    stop_signals: list[int] = []
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda number, frame: stop_signals.append(number))
    make_forks_die_with_parent()
    processes = get_context("fork")
    stop, started = processes.Event(), processes.Event()
    sentinel = processes.Process(target=_run_sentinel, args=(stop, started, uuid.uuid4()))
    sentinel.start()
    while sentinel.is_alive() and not stop_signals and not (once and started.is_set()):
        sentinel.join(POLL_S)
    alive = sentinel.is_alive()
    _stop_sentinel(sentinel, stop)
    return alive or bool(stop_signals)


def _stop_sentinel(sentinel: BaseProcess, stop: Any) -> None:
    """Asks the sentinel to stop, and kills it after STOP_TIMEOUT_S, because its workers may be
    waiting for a database that is down or be busy with a long chunk."""
    # In a thread, because setting the event may block for ever if a process is frozen or dead.
    threading.Thread(target=stop.set, daemon=True).start()
    sentinel.join(STOP_TIMEOUT_S)
    if sentinel.is_alive():
        sentinel.kill()  # its workers end with it
        sentinel.join()


def _run_sentinel(*events: Any) -> None:
    """Runs in the sentinel's process: supervises the workers until the queue stops."""
    try:
        Sentinel(*events)
    except BaseException:
        # The normal exit of multiprocessing waits for the workers, and nothing asks them to stop.
        log.exception("the task queue's sentinel failed")
        os._exit(1)
