"""Children that do not outlive their parent. No Django here: a spawned child imports it."""

import ctypes
import os
import signal

PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None)  # loaded before any fork: a child of a threaded process may not load


def die_with_parent(parent: int, how: int = signal.SIGTERM) -> None:
    """In a child of process `parent`, before its work: the kernel sends it `how` when its parent
    ends, even killed; it ends at once if that has happened already."""
    _libc.prctl(PR_SET_PDEATHSIG, how)
    if os.getppid() != parent:
        os._exit(1)


def make_forks_die_with_parent() -> None:
    """From now on the kernel kills each process that this one forks, and each that those fork, when
    its parent ends: for libraries that fork where nobody can put `die_with_parent`."""
    forking = os.getpid()

    def note_parent() -> None:
        nonlocal forking
        forking = os.getpid()

    os.register_at_fork(
        before=note_parent, after_in_child=lambda: die_with_parent(forking, signal.SIGKILL)
    )
