"""Returns the freed memory of a long-lived process to the system."""

import ctypes
import threading
import time

M_MMAP_THRESHOLD, M_ARENA_MAX = -3, -8  # of glibc's malloc.h
MMAP_THRESHOLD_BYTES = 4 * 1024**2
MAX_ARENAS = 2
TRIM_INTERVAL_S = 5.0


def return_freed_memory() -> None:
    """Makes freed blocks of 4 MB and more, such as uploads and pictures, return to the system at
    once. All threads share two heaps, and a thread returns their free memory every few seconds. By
    default, each thread has a heap that keeps its free memory. Call this before other threads
    start. It does nothing if the C library is not glibc."""
    libc = ctypes.CDLL(None)
    if hasattr(libc, "mallopt"):
        libc.mallopt(M_MMAP_THRESHOLD, MMAP_THRESHOLD_BYTES)
        libc.mallopt(M_ARENA_MAX, MAX_ARENAS)
        threading.Thread(target=_trim, args=(libc,), name="trim-memory", daemon=True).start()


def _trim(libc: ctypes.CDLL) -> None:
    while True:
        time.sleep(TRIM_INTERVAL_S)
        libc.malloc_trim(0)  # takes 0.2 ms if there is nothing to return
