"""Processes of a machine with several CUDA devices spread over them."""

import subprocess
import sys
from collections import Counter
from contextlib import ExitStack
from pathlib import Path

from tests.support.processes import REPOSITORY

CLAIM = """
import sys
from pathlib import Path
from catalog.visual.cuda_devices import claim_device
print(claim_device(["a", "b", "c"], Path(sys.argv[1])), flush=True)
sys.stdin.read()
"""


def test_processes_spread_over_the_devices_and_leave_room_when_they_end(tmp_path: Path) -> None:
    with ExitStack() as started:

        def claim() -> tuple[subprocess.Popen[str], int]:
            process = started.enter_context(
                subprocess.Popen(
                    [sys.executable, "-c", CLAIM, str(tmp_path)],
                    cwd=REPOSITORY,
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    text=True,
                )
            )
            assert process.stdout
            return process, int(process.stdout.readline())

        # Given seven processes on three devices,
        claims = [claim() for _ in range(7)]
        assert sorted(Counter(device for _, device in claims).values()) == [2, 2, 3]

        # when one of a device with two is killed, the next process takes its place.
        freed = next(claim for claim in claims if claim[1] == 1)
        freed[0].kill()
        freed[0].wait()
        assert claim()[1] == 1
