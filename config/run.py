"""`make run`: sets up what is missing, then runs the database, the web server and the worker until
Ctrl-C. A start can be interrupted or killed at any moment: the next start completes the set-up and
repeats nothing. `python -m config.run --set-up` sets up an installation without the demo, whose
processes a service manager starts, and ends."""

import argparse
import fcntl
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial

from catalog.parent_death import die_with_parent
from config.database import database_in_use, embedded_server, uses_embedded
from config.embedded_postgres import EmbeddedPostgresError
from config.paths import BASE_DIR, BUILT_IN, DATA_DIR
from config.stopping import Stop, check_stop, stop_on_signals

CHILDREN_STOP_TIMEOUT_S = 6.0
START_TIMEOUT_S = 60.0
DATABASE_CHECK_INTERVAL_S = 2.0


def main() -> int:
    """Runs until SIGINT or SIGTERM, or until the set-up is complete if that is all. Returns the
    exit status, 1 after a failed start."""
    parser = argparse.ArgumentParser(prog="python -m config.run")
    parser.add_argument("--set-up", action="store_true", help="only set up, without the demo")
    only_set_up = parser.parse_args().set_up
    stop_on_signals()
    if starter := os.environ.pop("ENDS_WITH", ""):
        die_with_parent(int(starter))
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # idle threads do not spin on shared cores
    try:
        with database_in_use(), ExitStack() as starting:
            starting.enter_context(one_start_at_a_time())
            prepare(demo=not only_set_up)
            if not only_set_up:
                serve(starting.close)
    except Stop:
        return 0
    except (StartFailed, EmbeddedPostgresError) as error:
        print(f"vitrina: {error}", file=sys.stderr)
        return 1
    return 0


class StartFailed(Exception):
    """The start cannot continue. The message says why."""


@contextmanager
def one_start_at_a_time() -> Iterator[None]:
    """Lets one process at a time enter the block for each DATA_DIR. The others wait."""
    try:
        DATA_DIR.mkdir(parents=True, exist_ok=True)
        lock = (DATA_DIR / "run.lock").open("w")
    except OSError as error:
        raise StartFailed(f"{DATA_DIR} cannot be written: {error.strerror}.") from error
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            print(f"Another start is at work in {DATA_DIR}: waiting until it serves.", flush=True)
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def prepare(demo: bool) -> None:
    """Migrates the database, collects static files, and creates what an installation needs. With
    `demo`, loads the demo into an empty catalogue and builds the first index. Each step does only
    what is missing. Raises StartFailed."""
    import django
    from django.conf import settings
    from django.core.exceptions import ImproperlyConfigured
    from django.core.management import CommandError, call_command

    try:
        django.setup()
        if demo:
            _check_port(settings.HOST, settings.PORT)
        call_command("migrate", verbosity=0)
        if BUILT_IN.exists():
            from catalog.visual.encoder_cache import copy_compiled_models

            copy_compiled_models(BUILT_IN / "encoders", settings.ENCODER_CACHE)
        else:
            _collect_static_files()
        from config import first_start

        first_start.create_admin()
        first_start.set_schedules()
        if demo:
            first_start.ensure_first_index()
        first_start.follow_encoder()
        if not demo:
            print(f"Set up. Log in at /admin/: {first_start.describe_admin_login()}")
    except (ImproperlyConfigured, CommandError) as error:
        raise StartFailed(str(error)) from error


def _collect_static_files() -> None:
    """Collects static files, all anew if an earlier start was interrupted here: collectstatic does
    not notice partial files."""
    from django.core.management import call_command

    unfinished = DATA_DIR / "static.unfinished"
    interrupted = unfinished.exists()
    unfinished.touch()
    call_command("collectstatic", interactive=False, clear=interrupted, verbosity=0)
    unfinished.unlink()


def serve(started: Callable[[], None]) -> None:
    """Starts the worker and the web server, prints the addresses, calls `started`, and then
    restarts any of them that ends. Raises StartFailed."""
    from django.conf import settings
    from django.db import connections

    from config.first_start import describe_admin_login

    connections.close_all()
    _check_port(settings.HOST, settings.PORT)  # again, as the set-up may have taken minutes
    python = sys.executable
    children = {
        "web server": [python, "-m", "gunicorn", "-c", "python:config.web.gunicorn", "config.wsgi"],
        "worker": [python, "manage.py", "qcluster"],
    }
    running = {name: _spawn(command) for name, command in children.items()}
    try:
        address = f"http://{settings.HOST}:{settings.PORT}/"
        _wait_until_it_serves(address, running["web server"])
        print(f"\nVitrina  {address}")
        print(f"Admin    {address}admin/  {describe_admin_login()}")
        print("Ctrl-C stops everything.", flush=True)
        started()
        _keep_running(running, children)
    finally:
        _stop(list(running.values()))


def _keep_running(running: dict[str, subprocess.Popen], children: dict[str, list[str]]) -> None:
    """Restarts the database, the web server and the worker whenever one has ended. It never
    returns."""
    checked = time.monotonic()
    while True:
        time.sleep(0.2)
        check_stop()
        for name, process in running.items():
            if process.poll() is not None:
                print(
                    f"vitrina: the {name} ended ({process.returncode}); starting it again",
                    file=sys.stderr,
                    flush=True,
                )
                time.sleep(1)
                running[name] = _spawn(children[name])
        if uses_embedded() and time.monotonic() - checked > DATABASE_CHECK_INTERVAL_S:
            checked = time.monotonic()
            if not embedded_server().is_running():
                print("vitrina: the database died; starting it again", file=sys.stderr, flush=True)
                embedded_server().start()


def _spawn(command: list[str]) -> subprocess.Popen:
    """Starts a child in a session of its own, so that Ctrl-C reaches only this process, which
    stops its children in order. The kernel stops the child if this process is killed."""
    return subprocess.Popen(
        command,
        cwd=BASE_DIR,
        start_new_session=True,
        preexec_fn=partial(die_with_parent, os.getpid()),
    )


def _stop(processes: list[subprocess.Popen]) -> None:
    """Sends SIGTERM to all processes, and SIGKILL to the groups of those that are still there after
    CHILDREN_STOP_TIMEOUT_S. Runs lose nothing if they are killed."""
    for process in processes:
        if process.poll() is None:
            process.terminate()
    deadline = time.monotonic() + CHILDREN_STOP_TIMEOUT_S
    for process in processes:
        try:
            process.wait(max(0.1, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def _wait_until_it_serves(address: str, server: subprocess.Popen) -> None:
    deadline = time.monotonic() + START_TIMEOUT_S
    while time.monotonic() < deadline:
        check_stop()
        if server.poll() is not None:
            raise StartFailed("The web server did not start; see the reason above.")
        try:
            with urllib.request.urlopen(f"{address}livez", timeout=2):
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.1)
    raise StartFailed(f"The web server did not answer within {START_TIMEOUT_S:.0f} s.")


def _check_port(host: str, port: int) -> None:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host.strip("[]"), port))
        except OSError as error:
            raise StartFailed(
                f"Port {port} of {host} cannot be used ({error.strerror}): set PORT to another one."
            ) from error


if __name__ == "__main__":
    sys.exit(main())
