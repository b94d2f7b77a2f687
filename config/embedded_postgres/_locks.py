"""Open lock files, which a forked child must not keep: a lock of `flock` lasts until the last copy
of its file is closed, and so would outlive the process that took it."""

import os

_open: set[int] = set()


def close_lock_in_forks(lock: int) -> None:
    """From now on each forked child closes its copy of this open file at once."""
    _open.add(lock)


def close_lock(lock: int) -> None:
    """Close the file, unless this is a child that has done so at its fork."""
    if lock in _open:
        _open.discard(lock)
        os.close(lock)


def _close_all() -> None:
    for lock in list(_open):
        close_lock(lock)


os.register_at_fork(after_in_child=_close_all)
