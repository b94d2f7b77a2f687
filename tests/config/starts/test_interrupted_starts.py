"""First starts that are interrupted or killed at any moment. They leave no process running, and the
next start completes them."""

import random
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.config.starts.starts import STOP_S, Start, Tree

pytestmark = pytest.mark.slow  # runs first starts with the whole demo

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGKILL)
FIRST_START_S = 40.0  # an estimate, so that random moments cover the whole start


@pytest.fixture
def tree(top: Path, long_run: bool) -> Iterator[Tree]:
    tree = Tree(top, compiled=not long_run)
    yield tree
    tree.end_all()


@pytest.mark.long
def test_an_interrupted_first_start_leaves_no_process_and_the_next_completes_it(tree: Tree) -> None:
    # When a first start is interrupted while it creates the database, loads the demo, embeds and
    # evaluates, each time by another signal,
    def interrupt(how: signal.Signals, while_it_says: str, after_s: float = 0) -> Start:
        start = tree.start()
        if while_it_says:
            start.wait_until_it_says(while_it_says)
        time.sleep(after_s)
        assert start.stop(how) < STOP_S
        return start

    interrupt(signal.SIGKILL, "", 1.0)
    start = interrupt(signal.SIGINT, "demo: ", 0.3)
    assert "demo products are in" not in start.said()
    start = interrupt(signal.SIGTERM, "rebuild: embed:", 2.0)
    assert "rebuild: project:" not in start.said()
    interrupt(signal.SIGKILL, "rebuild: evaluate:", 1.0)

    # then the next start completes it.
    start = tree.start()
    start.wait_until_it_serves()
    tree.assert_whole()
    assert start.stop(signal.SIGINT) < STOP_S


@pytest.mark.long
@pytest.mark.parametrize("how", SIGNALS, ids=lambda how: how.name)
@pytest.mark.parametrize("seed", range(10))
def test_a_first_start_can_be_interrupted_at_any_second(
    tree: Tree, how: signal.Signals, seed: int
) -> None:
    start = tree.start()
    second = random.Random(f"{how.name} {seed}").uniform(1.0, FIRST_START_S)
    time.sleep(second)
    print(f"{how.name} after {second:.1f} s")
    assert start.stop(how) < STOP_S

    start = tree.start()
    start.wait_until_it_serves()
    tree.assert_whole()
    assert start.stop(signal.SIGTERM) < STOP_S
