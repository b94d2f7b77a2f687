"""Web processes are replaced while shoppers search, and no request fails."""

import os
import shutil
import signal
import ssl
import subprocess
import urllib.request
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from http.client import HTTPConnection, HTTPResponse
from pathlib import Path

import psutil
import pytest

from config.paths import BASE_DIR
from tests.config.deployment.load import load
from tests.support.processes import url_of_test_database, wait_until
from tests.support.web_servers import WebServer, free_port, web_server

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("demo_index", "static_files")]
DRAIN_S = 10
CADDY = shutil.which("caddy")
# Beside the file that is deployed: nothing of this machine is changed.
TEST_OPTIONS = "{\n\tadmin off\n\tskip_install_trust\n\tauto_https disable_redirects\n}\n"


def start_web(folder: Path, **environment: str) -> AbstractContextManager[WebServer]:
    folder.mkdir()
    return web_server(
        folder,
        DATABASE_URL=url_of_test_database(),
        CALLS_PER_ADDRESS="0",
        SEARCH_TIME_LIMIT_S="300",
        **{"WEB_DRAIN_S": str(DRAIN_S), **environment},
    )


def web_processes(server: WebServer) -> set[int]:
    return {child.pid for child in psutil.Process(server.pid).children()}


@pytest.mark.long
def test_a_reload_replaces_all_web_processes_and_no_request_fails(tmp_path: Path) -> None:
    with start_web(tmp_path / "web", WEB_PROCESSES="2") as web, load(web.port) as shoppers:
        before = web_processes(web)
        assert len(before) == 2

        os.kill(web.pid, signal.SIGHUP)
        shoppers.wait_for(20)  # of the old processes and the new
        wait_until(lambda: not before & web_processes(web))
        shoppers.wait_for(20)

        assert len(web_processes(web)) == 2
    assert shoppers.failures == []


@pytest.mark.long
def test_a_process_that_leaves_answers_but_is_not_ready(tmp_path: Path) -> None:
    with start_web(tmp_path / "web") as web:
        kept = HTTPConnection("localhost", web.port)
        assert get(kept, "/livez").headers["Connection"] != "close"
        assert web.status("/readyz") == web.status("/acceptz") == 200

        os.kill(web.pid, signal.SIGTERM)

        wait_until(lambda: web.status("/readyz") == 503)
        assert web.status("/acceptz") == 503
        assert web.status("/livez") == 200
        assert web.status("/api/v1/search/text/?q=chair") == 200
        answer = get(kept, "/livez")
        assert (answer.status, answer.headers["Connection"]) == (200, "close")
        wait_until(lambda: not psutil.pid_exists(web.pid) or is_zombie(web.pid))
    assert web.status("/livez") == 0


def get(connection: HTTPConnection, path: str) -> HTTPResponse:
    """Returns the answer, and leaves the connection ready for another request."""
    connection.request("GET", path)
    answer = connection.getresponse()
    answer.read()
    return answer


def is_zombie(process: int) -> bool:
    return psutil.Process(process).status() == psutil.STATUS_ZOMBIE


@contextmanager
def proxy(folder: Path, webs: list[int]) -> Iterator[int]:
    """Runs the proxy as it is deployed, in front of the ports. Yields its port."""
    port = free_port()
    file = folder / "Caddyfile"
    file.write_text(TEST_OPTIONS + (BASE_DIR / "deploy/Caddyfile").read_text())
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(folder),
        "SITE": f"https://localhost:{port}",
        "WEB": " ".join(f"127.0.0.1:{web}" for web in webs),
    }
    with (folder / "proxy.log").open("w") as log:
        process = subprocess.Popen(
            [str(CADDY), "run", "--config", file], env=environment, stdout=log, stderr=log
        )
    try:
        wait_until(lambda: serves(folder, port) or process.poll() is not None)
        assert process.poll() is None, (folder / "proxy.log").read_text()
        yield port
    finally:
        process.terminate()
        process.wait(30)


def serves(folder: Path, port: int) -> bool:
    """Returns whether the proxy has its certificate and reaches a web process."""
    try:
        context = ssl.create_default_context(cafile=root_certificate(folder))
        with urllib.request.urlopen(f"https://localhost:{port}/livez", context=context):
            return True
    except OSError:
        return False


def root_certificate(folder: Path) -> Path:
    return folder / ".local/share/caddy/pki/authorities/local/root.crt"


@pytest.mark.long
@pytest.mark.skipif(CADDY is None, reason="the proxy, Debian's package caddy, is not installed")
def test_behind_the_proxy_one_web_after_the_other_is_replaced(tmp_path: Path) -> None:
    with ExitStack() as webs:
        ports = [str(free_port()) for _ in range(2)]
        old = {port: webs.enter_context(ExitStack()) for port in ports}
        for port in ports:
            old[port].enter_context(start_web(tmp_path / port, PORT=port, HTTPS="true"))
        https = webs.enter_context(proxy(tmp_path, [int(port) for port in ports]))
        with load(https, certificate=root_certificate(tmp_path)) as shoppers:
            for port in ports:
                old[port].close()  # asks the process to stop, and waits until it has ended
                shoppers.wait_for(20)
                new = start_web(tmp_path / f"new-{port}", PORT=port, HTTPS="true")
                webs.enter_context(new)
                shoppers.wait_for(20)
    assert shoppers.failures == []
