"""Progress bars on the terminal; a line now and then where there is none."""

import sys
from typing import Any

from tqdm import tqdm


def progress_bar(verbosity: int = 1, **options: Any) -> tqdm:
    """A tqdm bar on standard error; none at verbosity 0, every ten seconds into a log file."""
    interval = 0.1 if sys.stderr.isatty() else 10.0
    return tqdm(disable=verbosity == 0, mininterval=interval, **options)
