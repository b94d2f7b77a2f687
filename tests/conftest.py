"""Fixtures of all tests: a real PostgreSQL, and the demo catalogue, indexed once a session."""

import os
import subprocess
import tempfile
from collections.abc import Callable, Generator, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from django.utils import translation
from xdist.scheduler import LoadScopeScheduling

from tests.support.database_copy import DatabaseCopy
from tests.support.parallel import FilesInOrder, file_of, is_worker, locked, turn

# The event loop of browser tests runs in the thread that also queries the database.
os.environ.setdefault("DJANGO_ALLOW_ASYNC_UNSAFE", "true")

_held = ExitStack()


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--long", action="store_true", help="run every repetition, and tests marked `long`"
    )
    parser.addoption(
        "--few",
        action="store_true",
        help="run the first test marked `long` of each file, with its first parameters",
    )


def pytest_configure(config: pytest.Config) -> None:
    from config.database import database_in_use
    from config.paths import DATA_DIR

    if is_worker(config):  # before torch is imported: its threads wait busily for one another
        os.environ["OMP_NUM_THREADS"] = "1"
    _held.enter_context(database_in_use())
    (DATA_DIR / "static").mkdir(parents=True, exist_ok=True)  # whitenoise warns if it is missing


def pytest_unconfigure(config: pytest.Config) -> None:
    _held.close()


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    for item in items:
        if "long_run" in item.fixturenames:
            item.add_marker(pytest.mark.slow)
    if config.getoption("--few"):
        items[:] = first_of_files(items)
    elif not config.getoption("--long"):
        for item in items:
            if item.get_closest_marker("long"):
                item.add_marker(pytest.mark.skip(reason="runs in `make test-long`"))
    items.sort(key=place_in_order(items))


def place_in_order(items: list[pytest.Item]) -> Callable[[pytest.Item], tuple[int, bool]]:
    """Returns a key that puts the tests without a database behind the first file that reads the
    demo: other processes run them while one indexes the demo. Among tests of one kind, files with
    slow tests come first, so that no process is left alone with one at the end."""
    readers = (file_of(item.nodeid) for item in items if "demo_index" in item.fixturenames)
    first = next(readers, None)
    slow = {file_of(item.nodeid) for item in items if item.get_closest_marker("slow")}

    def place(item: pytest.Item) -> tuple[int, bool]:
        file, fixtures = file_of(item.nodeid), set(item.fixturenames)
        marker = item.get_closest_marker("django_db")
        kind = 1
        if marker is not None or "db" in fixtures:
            kind = 0 if file == first else 2
        if fixtures & {"transactional_db", "live_server"} or (
            marker is not None and marker.kwargs.get("transaction")
        ):
            kind = 3
        return kind, file not in slow

    return place


def first_of_files(items: list[pytest.Item]) -> list[pytest.Item]:
    """Returns the first test marked `long` of each file, with the first of its parameters."""
    first: dict[str, pytest.Item] = {}
    for item in items:
        if item.get_closest_marker("long"):
            first.setdefault(file_of(item.nodeid), item)
    return list(first.values())


def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> LoadScopeScheduling:
    return FilesInOrder(config, log)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    """With several processes, a test marked `alone` waits until no other test runs."""
    if not is_worker(item.config):
        return (yield)
    folder = item.config._tmp_path_factory.getbasetemp().parent  # type: ignore[attr-defined]
    with turn(folder, alone=item.get_closest_marker("alone") is not None):
        return (yield)


@pytest.fixture(scope="session")
def long_run(pytestconfig: pytest.Config) -> bool:
    """Whether this is `make test-long`, in which tests repeat in full instead of once."""
    return bool(pytestconfig.getoption("--long"))


@pytest.fixture(scope="session")
def media_root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("media")


@pytest.fixture(scope="session")
def no_static_files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty folder. In this process nobody is sent static files, and whitenoise would read the
    folder while `static_files` writes it."""
    return tmp_path_factory.mktemp("static")


@pytest.fixture(autouse=True)
def _media(settings, media_root: Path, no_static_files: Path) -> None:
    """Imported photos go to a folder of the test session. Searches are not logged, and have time
    even on a busy machine. Rebuilds compose no photos for the self-test, and
    may take long: in a transaction, a worker cannot renew its lease. Passwords are hashed fast."""
    settings.MEDIA_ROOT = media_root
    settings.STATIC_ROOT = no_static_files
    settings.SEARCH_LOG_DAYS = 0
    settings.SEARCH_TIME_LIMIT_S = 30
    # Counting calls locks a row to the end of a test's transaction. Its threads would wait for it.
    settings.CALLS_PER_ADDRESS = settings.CALLS_PER_KEY = 0
    settings.COMPOSED_PHOTOS = 0
    translation.deactivate()  # a page that a test requested leaves its language to the next one
    settings.CHUNK_LEASE_S = 3600
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]


@pytest.fixture(scope="session")
def shared_folder(tmp_path_factory: pytest.TempPathFactory, pytestconfig: pytest.Config) -> Path:
    """A folder that all processes of this run share."""
    folder = tmp_path_factory.getbasetemp()
    return folder.parent if is_worker(pytestconfig) else folder


@pytest.fixture(scope="session")
def static_files(shared_folder: Path) -> None:
    """The static files of web servers that run in processes of their own."""
    from django.core.management import call_command

    with locked(shared_folder / "static.lock"):
        if not (shared_folder / "static.done").exists():
            call_command("collectstatic", interactive=False, verbosity=0)
            (shared_folder / "static.done").touch()


@pytest.fixture(scope="session")
def demo_index(
    django_db_setup, django_db_blocker, media_root: Path, shared_folder: Path, pytestconfig
) -> Iterator[None]:
    """The demo catalogue, imported and indexed with the starter encoder. It lasts for the session:
    tests that write roll back, and tests that cannot roll back run after all that use it.

    With several processes, one makes it and the others copy it."""
    copy = DatabaseCopy(shared_folder / "demo")
    with locked(shared_folder / "demo.lock"), django_db_blocker.unblock():
        if copy.is_saved():
            copy.restore(media_root)
        else:
            index_demo(media_root)
            if is_worker(pytestconfig):
                copy.save(media_root)
    yield
    with locked(shared_folder / "demo.lock"), django_db_blocker.unblock():
        copy.drop()


def index_demo(media_root: Path) -> None:
    from django.core.management import call_command
    from django.test import override_settings

    with override_settings(MEDIA_ROOT=media_root):
        call_command("load_demo", verbosity=0)
        call_command("index", "rebuild", verbosity=0)


@pytest.fixture
def small_disk() -> Iterator[Callable[[int, int], Path]]:
    """Mounts a disk of the given kilobytes that belongs to a user. Skips the test if this user may
    not mount disks."""
    mounted = []

    def make(kilobytes: int, owner: int = 0) -> Path:
        folder = Path(tempfile.mkdtemp(prefix="vitrina-disk-"))
        folder.chmod(0o755)
        how = f"size={kilobytes}k,uid={owner},mode=700"
        mount = ["mount", "-t", "tmpfs", "-o", how, "tmpfs", str(folder)]
        if os.geteuid() != 0 or subprocess.run(mount, capture_output=True).returncode:
            folder.rmdir()
            pytest.skip("This user may not mount a disk.")
        mounted.append(folder)
        return folder

    yield make
    for folder in mounted:
        subprocess.run(["umount", str(folder)], check=True)
        folder.rmdir()
