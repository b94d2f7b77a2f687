"""Progress bars of a run, for commands that work on it."""

from tqdm import tqdm

from catalog.progress import progress_bar
from indexing.models import IndexingRun
from indexing.monitoring.freshness import run_progress


class StageBars:
    """Shows a progress bar for each stage of a run."""

    def __init__(self, verbosity: int) -> None:
        self._verbosity = verbosity
        self._stage = ""
        self._bar: tqdm | None = None

    def update(self, run: IndexingRun) -> None:
        progress = run_progress(run)
        if progress["stage"] != self._stage:
            self.close()
            self._stage = progress["stage"]
            self._bar = progress_bar(self._verbosity, desc=f"{run.kind}: {self._stage}")
        if self._bar is not None:
            self._bar.total = progress["total"]
            self._bar.update(progress["done"] - self._bar.n)

    def close(self) -> None:
        if self._bar is not None:
            self._bar.close()

    def __enter__(self) -> "StageBars":
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()
