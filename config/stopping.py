"""Stops a start: the first signal stops it in order; a second signal, or a stop that takes too
long, ends it by force."""

import os
import select
import signal
import socket
import threading
from types import FrameType

STOP_TIMEOUT_S = 9.0
_stop_requested = threading.Event()


class Stop(KeyboardInterrupt):
    """Raised when SIGINT or SIGTERM arrives. It is a KeyboardInterrupt: handlers of errors do not
    catch it, and libraries such as psycopg cancel their queries."""


def stop_on_signals() -> None:
    """Makes the first SIGINT or SIGTERM raise Stop in the main thread. A second signal, or
    STOP_TIMEOUT_S seconds, end the process at once, even if the main thread is busy outside Python
    or a library has swallowed the Stop. The children end with it, and no data is lost."""
    reader, writer = socket.socketpair()
    writer.setblocking(False)
    signal.set_wakeup_fd(writer.fileno(), warn_on_full_buffer=False)
    signal.signal(signal.SIGINT, _stop)
    signal.signal(signal.SIGTERM, _stop)
    threading.Thread(target=_end_by_force, args=(reader, writer), daemon=True).start()


def check_stop() -> None:
    """Raises Stop again if a signal has arrived. It may have been swallowed: Python ignores
    exceptions in the callbacks of a fork."""
    if _stop_requested.is_set():
        raise Stop


def _stop(signum: int, frame: FrameType | None) -> None:
    _stop_requested.set()
    signal.signal(signal.SIGINT, _leave_to_thread)
    signal.signal(signal.SIGTERM, _leave_to_thread)
    raise Stop


def _leave_to_thread(signum: int, frame: FrameType | None) -> None:
    """Does nothing. Without a handler, `_end_by_force` would not learn of the signal."""


def _end_by_force(signals: socket.socket, _kept_open: socket.socket) -> None:
    signals.recv(1)
    select.select([signals], [], [], STOP_TIMEOUT_S)
    os._exit(1)
