"""The first signal stops a process in order; a second one, or a timeout, ends it by force."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[3]
STUBBORN = """
import time
from config.stopping import stop_on_signals
stop_on_signals()
print("ready", flush=True)
while True:
    try:
        time.sleep(60)
    except BaseException as error:
        print(type(error).__name__, flush=True)
"""
DOZING = """
import ctypes
from config.stopping import stop_on_signals
stop_on_signals()
print("ready", flush=True)
lock = ctypes.create_string_buffer(64)
for _ in range(2):  # the second call waits for ever, and no signal wakes it
    ctypes.CDLL(None).pthread_mutex_lock(lock)
"""
SWALLOWED = """
import os, signal, time
from config.stopping import Stop, check_stop, stop_on_signals
stop_on_signals()
os.register_at_fork(after_in_parent=lambda: os.kill(os.getpid(), signal.SIGTERM))
try:
    if not os.fork():
        os._exit(0)
    print("ready", flush=True)
    while True:
        time.sleep(0.05)
        check_stop()
except Stop:
    print("Stop", flush=True)
"""


def started(code: str) -> subprocess.Popen[str]:
    process = subprocess.Popen(
        [sys.executable, "-c", code], cwd=REPOSITORY, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout
    assert process.stdout.readline() == "ready\n"
    time.sleep(1)  # until it waits
    return process


def test_the_second_signal_ends_a_process_that_swallowed_the_first() -> None:
    process = started(STUBBORN)
    assert process.stdout

    os.kill(process.pid, signal.SIGINT)
    assert process.stdout.readline() == "Stop\n"
    assert process.poll() is None
    os.kill(process.pid, signal.SIGTERM)

    assert process.wait(5) == 1
    process.communicate()


@pytest.mark.parametrize(
    "code",
    [
        pytest.param(STUBBORN, id="swallowed", marks=pytest.mark.long),
        pytest.param(DOZING, id="busy outside Python", marks=pytest.mark.long),
    ],
)
def test_a_process_that_ignores_a_signal_ends_within_ten_seconds(code: str) -> None:
    process = started(code)
    began = time.monotonic()

    os.kill(process.pid, signal.SIGTERM)

    assert process.wait(30) == 1
    assert 8 < time.monotonic() - began < 12
    process.communicate()


def test_a_stop_that_a_fork_swallowed_is_raised_again() -> None:
    done = subprocess.run(
        [sys.executable, "-c", SWALLOWED],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        timeout=30,
    )

    assert done.stdout == "ready\nStop\n"
