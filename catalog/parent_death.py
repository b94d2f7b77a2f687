"""Children that do not outlive their parent. No Django here: a spawned child imports it."""

import ctypes
import os
import signal


def die_with_parent(parent: int, how: int = signal.SIGTERM) -> None:
    """In a child of process `parent`, before its work: the kernel sends it `how` when its parent
    ends, even killed; it ends at once if that has happened already."""
    pr_set_pdeathsig = 1
    ctypes.CDLL(None).prctl(pr_set_pdeathsig, how)
    if os.getppid() != parent:
        os._exit(1)
