"""Runs django-q2's processes so that none of them outlives the one that started them, and so that
they end when they are told to, whatever they wait for."""

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

STOP_S = 4.0  # for tasks to finish; a run that is cut off goes on from its chunks
CHECK_S = 0.2


def run_task_queue(once: bool = False) -> bool:
    """Runs the task queue until SIGTERM or SIGINT (`once`: until it has started), and ends it
    within about STOP_S. False when its sentinel, the parent of all its workers, died."""
    told: list[int] = []
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda number, frame: told.append(number))
    make_forks_die_with_parent()
    processes = get_context("fork")
    stop, started = processes.Event(), processes.Event()
    sentinel = processes.Process(target=_guard, args=(stop, started, uuid.uuid4()))
    sentinel.start()
    while sentinel.is_alive() and not told and not (once and started.is_set()):
        sentinel.join(CHECK_S)
    alive = sentinel.is_alive()
    _end(sentinel, stop)
    return alive or bool(told)


def _end(sentinel: BaseProcess, stop: Any) -> None:
    """In order where that is possible: workers may wait for a database that is away, or work on a
    chunk for long."""
    # In a thread: to set the event of a process that is frozen or dead may take for ever.
    threading.Thread(target=stop.set, daemon=True).start()
    sentinel.join(STOP_S)
    if sentinel.is_alive():
        sentinel.kill()  # its workers end with it
        sentinel.join()


def _guard(*events: Any) -> None:
    """In the sentinel's process: guards the workers until the queue stops."""
    try:
        Sentinel(*events)
    except BaseException:
        # Not by way of multiprocessing, which would wait for workers that nobody tells to end.
        log.exception("the task queue's sentinel failed")
        os._exit(1)
