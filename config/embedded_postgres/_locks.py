"""Closes open lock files in forked children. A `flock` lock lasts until the last copy of its file
is closed, so a child with a copy would keep the lock after its parent has ended."""

import os

_open: set[int] = set()


def close_lock_in_forks(lock: int) -> None:
    """Makes every forked child close its copy of this open file at once."""
    _open.add(lock)


def close_lock(lock: int) -> None:
    """Closes the file, unless this process is a fork that has already closed it."""
    if lock in _open:
        _open.discard(lock)
        os.close(lock)


def _close_all() -> None:
    for lock in list(_open):
        close_lock(lock)


os.register_at_fork(after_in_child=_close_all)
