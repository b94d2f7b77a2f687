"""Progress bars for terminals and log files."""

import sys
from typing import Any

from tqdm import tqdm


def progress_bar(verbosity: int = 1, **options: Any) -> tqdm:
    """Returns a tqdm bar on standard error, disabled at verbosity 0. If standard error is not a
    terminal, the bar is written every ten seconds."""
    interval = 0.1 if sys.stderr.isatty() else 10.0
    return tqdm(disable=verbosity == 0, mininterval=interval, **options)
