"""Processes that end with their parent. Spawned children import this module before Django."""

import ctypes
import os
import signal

PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None)  # loaded here: a fork of a threaded process cannot load libraries safely


def die_with_parent(parent: int, how: int = signal.SIGTERM) -> None:
    """Asks the kernel to send this process the signal `how` when process `parent` ends, even if
    `parent` is killed. Call it first in a child. If the parent has already ended, the child
    exits."""
    _libc.prctl(PR_SET_PDEATHSIG, how)
    if os.getppid() != parent:
        os._exit(1)


def make_forks_die_with_parent() -> None:
    """Makes the kernel kill every process that this one forks from now on, and their forks, when
    the parent of that process ends. For libraries that offer no hook for `die_with_parent`."""
    forking = os.getpid()

    def note_parent() -> None:
        nonlocal forking
        forking = os.getpid()

    os.register_at_fork(
        before=note_parent, after_in_child=lambda: die_with_parent(forking, signal.SIGKILL)
    )
