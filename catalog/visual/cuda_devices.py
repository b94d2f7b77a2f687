"""Which CUDA device a process uses, on a machine with several."""

import fcntl
from collections.abc import Sequence
from itertools import count
from pathlib import Path
from typing import IO

_claims: list[IO[str]] = []


def claim_device(devices: Sequence[str], folder: Path) -> int:
    """Returns the place in `devices` of the one that the fewest other processes have claimed. A
    device is named alike in all processes, on whatever machine they are, so the folder may be
    shared. The claims are locks on files of `folder`. The kernel drops them when the process ends,
    however it ends. Raises ValueError if there are no devices."""
    if not devices:
        raise ValueError("There are no CUDA devices.")
    folder.mkdir(parents=True, exist_ok=True)
    for turn in count():
        for place, device in enumerate(devices):
            claim = (folder / f"cuda-{device}-{turn}.lock").open("w")
            try:
                fcntl.flock(claim, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                claim.close()
            else:
                _claims.append(claim)
                return place
    raise AssertionError("count() never ends")
