"""Children that do not outlive their parent. No Django here: a spawned child imports it."""

import ctypes
import signal


def die_with_parent(how: int = signal.SIGTERM) -> None:
    """In a child, before its work: the kernel sends it `how` when its parent ends, even killed."""
    pr_set_pdeathsig = 1
    ctypes.CDLL(None).prctl(pr_set_pdeathsig, how)
