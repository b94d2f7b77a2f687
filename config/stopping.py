"""How a start is told to stop: in order by the first signal, by force by the second one or where
order takes too long."""

import os
import select
import signal
import socket
import threading
from types import FrameType

STOP_TIMEOUT_S = 9.0
_told = threading.Event()


class Stop(KeyboardInterrupt):
    """SIGINT or SIGTERM came. As KeyboardInterrupt it is nobody's failure to handle, and libraries
    that know that one, such as psycopg, leave a query in good order."""


def stop_on_signals() -> None:
    """From now on the first SIGINT or SIGTERM raises Stop in the main thread. A second one, or
    STOP_TIMEOUT_S, end the process at once, even if the main thread is busy outside Python or
    something has swallowed the Stop: nothing is lost by it, and the children end as well."""
    reader, writer = socket.socketpair()
    writer.setblocking(False)
    signal.set_wakeup_fd(writer.fileno(), warn_on_full_buffer=False)
    signal.signal(signal.SIGINT, _stop)
    signal.signal(signal.SIGTERM, _stop)
    threading.Thread(target=_end_by_force, args=(reader, writer), daemon=True).start()


def check_stop() -> None:
    """Raises Stop again where a signal came and something has swallowed it: Python ignores what is
    raised in the callbacks of a fork."""
    if _told.is_set():
        raise Stop


def _stop(signum: int, frame: FrameType | None) -> None:
    _told.set()
    signal.signal(signal.SIGINT, _leave_to_thread)
    signal.signal(signal.SIGTERM, _leave_to_thread)
    raise Stop


def _leave_to_thread(signum: int, frame: FrameType | None) -> None:
    """A handler, so that the thread is told of the signal (it is of none that is ignored)."""


def _end_by_force(signals: socket.socket, _kept_open: socket.socket) -> None:
    signals.recv(1)
    select.select([signals], [], [], STOP_TIMEOUT_S)
    os._exit(1)
