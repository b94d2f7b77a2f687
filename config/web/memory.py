"""How a long-lived process gives memory back to the system."""

import ctypes
import threading
import time

M_MMAP_THRESHOLD, M_ARENA_MAX = -3, -8  # of glibc's malloc.h
MAPPED_FROM = 4 * 1024**2  # bytes
ARENAS = 2
TRIM_EVERY_S = 5.0


def return_freed_memory() -> None:
    """From now on blocks of 4 MB and more, such as uploads and pictures, go back to the system when
    they are freed. All threads share two heaps, of which a thread gives back every few seconds what
    is free. By default each thread has a heap, and what is free within it stays. Call it before
    other threads start. Does nothing where the C library is not glibc."""
    libc = ctypes.CDLL(None)
    if hasattr(libc, "mallopt"):
        libc.mallopt(M_MMAP_THRESHOLD, MAPPED_FROM)
        libc.mallopt(M_ARENA_MAX, ARENAS)
        threading.Thread(target=_trim, args=(libc,), name="trim-memory", daemon=True).start()


def _trim(libc: ctypes.CDLL) -> None:
    while True:
        time.sleep(TRIM_EVERY_S)
        libc.malloc_trim(0)  # takes 0.2 ms where there is nothing to give back
