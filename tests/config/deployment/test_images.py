"""Every command of the Dockerfile runs in an empty folder as a user without a name, and the images
serve from there."""

import os
import re
import shutil
import subprocess
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import psutil
import psycopg
import pytest
import yaml
from psycopg.conninfo import conninfo_to_dict

from config.embedded_postgres import EmbeddedPostgres
from config.paths import BASE_DIR
from tests.config.deployment.dockerfile import PYTHON, USER, Image, own, read_dockerfile
from tests.support.processes import wait_until
from tests.support.servers import SMALL
from tests.support.web_servers import MULTIPART, free_port, multipart

pytestmark = [
    pytest.mark.long,
    pytest.mark.skipif(not PYTHON.exists(), reason=f"there is no {PYTHON}, Debian's python3.11"),
]
PRODUCTS = 120  # enough for a self-test by composed photos
IN_DEBIAN = re.compile(
    r"(ld-linux-x86-64|ld-linux-aarch64|libc|libdl|libgcc_s|libm|libmvec|libpthread|libresolv|librt"
    r"|libstdc\+\+|libutil|libz)\.so\.\d+"
)
"""Libraries of packages that every Debian has."""
FOR_DEVICES = re.compile(
    r"lib(OpenCL|c10_cuda|cublas|cublasLt|cudart|curand|rapids_logger|rmm|torch_cuda)\.so.*"
)
NOT_INSIDE = ("built-in/secret_key", ".data", ".env", ".git", "tests", "docs")


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    """A folder that every user can enter."""
    folder = Path(tempfile.mkdtemp(prefix="vitrina-image-", dir="/tmp"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


@pytest.fixture(scope="module")
def images(folder: Path) -> dict[str, Image]:
    built: dict[str, Image] = {}
    for name, stage in read_dockerfile().items():
        built[name] = Image(folder, stage, built)
    return built


@pytest.fixture(scope="module")
def database(folder: Path) -> Iterator[str]:
    """The address of a database server that the images know by DATABASE_URL only, and that their
    user may enter."""
    server = EmbeddedPostgres(folder / "postgres", SMALL)
    server.start()
    with psycopg.connect(server.url, autocommit=True) as connection:
        connection.execute("ALTER SYSTEM SET unix_socket_permissions = '0777'")
    server.stop()
    server.start()
    sockets = Path(str(conninfo_to_dict(server.url)["host"]))
    for entered in (sockets, *sockets.parents):
        if folder in entered.parents:
            entered.chmod(entered.stat().st_mode | 0o711)
    yield server.url
    server.stop()


def test_the_web_image_has_no_torch_and_is_the_smaller_one(images: dict[str, Image]) -> None:
    web, worker = images["web"], images["worker"]
    print(f"web {web.size() / 1e6:.0f} MB, worker {worker.size() / 1e6:.0f} MB")

    assert not list(web.place.glob(".venv/lib/*/site-packages/torch"))
    assert web.size() < 0.6 * worker.size()
    assert list(web.place.glob("built-in/encoders/starter-*/image.xml"))
    assert (web.place / "built-in/static/staticfiles.json").exists()
    for image in (web, worker):
        if os.geteuid() == 0:
            change = image.run(["touch", "manage.py"])
            assert "Permission denied" in change.communicate()[0]
        assert not [name for name in NOT_INSIDE if (image.place / name).exists()]


def test_packages_bring_the_libraries_that_the_base_image_lacks(images: dict[str, Image]) -> None:
    place = images["worker"].place
    objects = [
        path
        for path in place.glob(".venv/lib/**/*.so*")
        if path.read_bytes()[:4] == b"\x7fELF" and not path.is_symlink()
    ]
    inside = {path.name for path in objects}
    lacking = {}
    for path in objects:
        done = subprocess.run(["ldd", path], capture_output=True, text=True, check=False)
        for name, found in re.findall(r"^\s+(\S+) => (\S+)", done.stdout, re.MULTILINE):
            if not found.startswith(str(place)) and name not in inside:
                lacking[name] = path.relative_to(place)

    assert len(objects) > 100
    known = (IN_DEBIAN, FOR_DEVICES)
    assert {n: p for n, p in lacking.items() if not any(k.fullmatch(n) for k in known)} == {}


def test_the_settings_of_compose_pass_the_check_of_deployments(
    images: dict[str, Image],
) -> None:
    services = yaml.safe_load((BASE_DIR / "compose.yaml").read_text())["services"]
    for name, image in (("worker", "worker"), ("web-1", "web")):
        given = {
            key: re.sub(r"\$\{(\w+)[^}]*\}", r"\1.example", str(value))
            for key, value in services[name]["environment"].items()
        }
        command = ["python", "manage.py", "check", "--deploy", "--fail-level", "WARNING"]
        run_to_its_end(images[image], command, {**given, "SECRET_KEY": "s3cret" * 10})


@pytest.fixture
def shared(database: str, folder: Path) -> dict[str, str]:
    """The environment that all containers have in common."""
    data = folder / "shared-data"
    data.mkdir()
    own(data)
    return {"DATABASE_URL": database, "DATA_DIR": str(data), "PORT": str(free_port())}


def test_the_images_set_up_and_serve_without_an_embedded_database(
    images: dict[str, Image], shared: dict[str, str]
) -> None:
    web, worker, data = images["web"], images["worker"], Path(shared["DATA_DIR"])

    # The set-up loads no demo, and prints the password.
    output = run_to_its_end(worker, ["python", "-m", "config.run", "--set-up"], shared)
    assert "There is no index yet." in output
    assert f"user admin, password {(data / 'admin_password').read_text()}" in output

    import_and_index(worker, shared, data)

    # Web and worker answer and work, as the user of the image, and end in order.
    queue = worker.run(worker.command, **shared)
    began = time.monotonic()
    server = web.run(web.command, **{**shared, "HOST": "127.0.0.1"})
    try:
        port = int(shared["PORT"])
        wait_until(lambda: answers(port, "livez") == 200 or server.poll() is not None)
        assert server.poll() is None, server.communicate()[0]
        print(f"the web image answers after {time.monotonic() - began:.1f} s")
        assert answers(port, "readyz") == 200
        assert answers(port, "") == 200
        photo = (web.place / "catalog/demo/photos/blends-antiquechair-0.jpg").read_bytes()
        assert answers(port, "api/v1/search/photo/?limit=3", multipart([photo])) == 200
        assert queue.poll() is None
        owners = {process.uids().effective for process in ours(data)}
        assert owners == {USER if os.geteuid() == 0 else os.geteuid()}
        assert not [process for process in ours(data) if "postgres" in process.name()]
        assert not (data / "postgres").exists()
    finally:
        for process in (server, queue):
            process.terminate()
            process.communicate(timeout=60)
    wait_until(lambda: not ours(data))


def import_and_index(worker: Image, shared: dict[str, str], data: Path) -> None:
    """Imports and indexes PRODUCTS products of the demo by commands of the worker's image."""
    feed = worker.place / "catalog/demo/few.jsonl"
    lines = (worker.place / "catalog/demo/catalog.jsonl").read_text().splitlines(keepends=True)
    feed.write_text("".join(lines[:PRODUCTS]))
    (data / "no-photos.jsonl").touch()
    fast = {"LABELLED_PHOTOS": str(data / "no-photos.jsonl"), "COMPOSED_PHOTOS": "100"}
    for command in (["import_products", str(feed)], ["index", "rebuild"]):
        run_to_its_end(worker, ["python", "manage.py", *command], {**shared, **fast})


def run_to_its_end(image: Image, command: list[str], environment: dict[str, str]) -> str:
    """Runs a command that has to succeed, and returns its output."""
    process = image.run(command, **environment)
    output = process.communicate()[0]
    assert process.returncode == 0, output
    return output


def answers(port: int, path: str, body: bytes | None = None) -> int:
    """Returns the status of a request, or 0 without an answer."""
    address = f"http://127.0.0.1:{port}/{path}"
    request = urllib.request.Request(address, data=body, headers=MULTIPART if body else {})
    try:
        with urllib.request.urlopen(request, timeout=60) as response:
            return int(response.status)
    except urllib.error.HTTPError as error:
        return error.code
    except OSError:
        return 0


def ours(data: Path) -> list[psutil.Process]:
    """Returns the processes of the installation whose DATA_DIR is `data`."""
    found = []
    for process in psutil.process_iter():
        try:
            if process.environ().get("DATA_DIR") == str(data):
                found.append(process)
        except psutil.Error:
            continue
    return found
