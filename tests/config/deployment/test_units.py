"""The units of systemd are valid, and the web service works on a socket of systemd."""

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from config.paths import BASE_DIR
from tests.support.processes import REPOSITORY, url_of_test_database, wait_until
from tests.support.web_servers import WebServer, free_port

UNITS = sorted((BASE_DIR / "deploy").glob("vitrina-*"))
ANALYZE, ACTIVATE = shutil.which("systemd-analyze"), shutil.which("systemd-socket-activate")
needs_analyze = pytest.mark.skipif(ANALYZE is None, reason="systemd-analyze is not installed")
needs_activate = pytest.mark.skipif(ACTIVATE is None, reason="systemd is not installed")


@needs_analyze
def test_the_units_are_valid(tmp_path: Path) -> None:
    for unit in UNITS:
        text = unit.read_text().replace("/srv/vitrina/.venv/bin/python", sys.executable)
        (tmp_path / unit.name).write_text(text)
    done = subprocess.run(
        [str(ANALYZE), "verify", "--man=no", *(str(tmp_path / unit.name) for unit in UNITS)],
        capture_output=True,
        text=True,
        check=False,
    )

    assert len(UNITS) == 3
    assert (done.returncode, done.stderr) == (0, "")


@needs_analyze
def test_the_services_are_confined() -> None:
    for unit in UNITS:
        if unit.suffix == ".service":
            done = subprocess.run(
                [str(ANALYZE), "security", "--offline=yes", "--threshold=40", unit],
                capture_output=True,
                text=True,
                check=False,
            )
            assert done.returncode == 0, done.stdout[-300:]


@needs_activate
@pytest.mark.long
@pytest.mark.django_db
def test_the_web_service_takes_its_address_from_systemd(
    django_db_setup: None, static_files: None, tmp_path: Path
) -> None:
    # Given a socket of systemd, and the command of the service,
    [command] = re.findall(
        r"^ExecStart=\S+ (.+)$", (BASE_DIR / "deploy/vitrina-web.service").read_text(), re.MULTILINE
    )
    port, log = free_port(), tmp_path / "web.log"
    given = {"DATABASE_URL": url_of_test_database(), "PORT": "1", "WEB_DRAIN_S": "3"}
    told = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    told.bind(str(tmp_path / "notify"))
    given["NOTIFY_SOCKET"] = str(tmp_path / "notify")
    with log.open("w") as output:
        process = subprocess.Popen(
            [str(ACTIVATE), f"--listen=127.0.0.1:{port}"]
            + [f"--setenv={name}={value}" for name, value in {**os.environ, **given}.items()]
            + [sys.executable, *command.split()],
            cwd=REPOSITORY,
            stdout=output,
            stderr=output,
        )
    server = WebServer(port, process.pid, log)
    try:
        # when the first request arrives, the service starts and answers it,
        wait_until(lambda: "Listening" in log.read_text())
        assert server.status("/livez") == 200, log.read_text()
        assert told.recv(1000).startswith(b"READY=1")

        # and a reload replaces the web process on the same socket.
        before = {child.pid for child in psutil.Process(process.pid).children()}
        os.kill(process.pid, signal.SIGHUP)
        wait_until(
            lambda: not before & {child.pid for child in psutil.Process(process.pid).children()}
        )
        assert server.status("/livez") == 200, log.read_text()
    finally:
        told.close()
        process.terminate()
        process.wait(30)
