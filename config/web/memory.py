"""How a long-lived process gives memory back to the system."""

import ctypes

M_MMAP_THRESHOLD, M_ARENA_MAX = -3, -8  # of glibc's malloc.h
MAPPED_FROM = 4 * 1024**2  # bytes
ARENAS = 2


def return_freed_memory() -> None:
    """From now on blocks of 4 MB and more, such as uploads and pictures, go back to the system when
    they are freed, and all threads share two heaps: by default each has its own, whose holes stay.
    Call it before threads start. Does nothing where the C library is not glibc."""
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(M_MMAP_THRESHOLD, MAPPED_FROM)
        mallopt(M_ARENA_MAX, ARENAS)
