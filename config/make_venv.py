"""`python make_venv.py [--no-deps] VENV/DONE FILES` installs the requirements of those FILES that
end in .txt, then touches VENV/DONE. It creates the environment VENV if it is missing, even if the
system's Python has no `ensurepip` (Debian keeps it in a separate package). If several processes
run at the same time, one works and the others wait."""

import fcntl
import hashlib
import os
import re
import subprocess
import sys
import tempfile
import urllib.parse
import urllib.request
import venv
from pathlib import Path
from typing import TextIO

PACKAGE_INDEX = os.environ.get("PIP_INDEX_URL", "").strip() or "https://pypi.org/simple"
PIP_WHEEL_LINK = re.compile(r'href="([^"]+/(pip-[0-9.]+-py3-none-any\.whl)#sha256=([0-9a-f]{64}))"')


def main(options: list[str], done: Path, files: list[Path]) -> None:
    """Installs the requirements, unless `done` is newer than all `files`. An interrupted process
    leaves no `done`, so the next one completes its work."""
    if sys.version_info < (3, 11):  # noqa: UP036  (any Python may run this)
        sys.exit(f"vitrina: Python 3.11 or newer is needed; this is {sys.version.split()[0]}.")
    folder = done.parent
    with Path(f"{folder}.lock").open("w") as lock:
        take_lock(lock, folder)
        if done.exists() and all(done.stat().st_mtime >= f.stat().st_mtime for f in files):
            return
        python = folder / "bin" / "python"
        if not has_pip(python):
            make_environment(folder)
        print("Installing what Vitrina needs (a few minutes the first time)", flush=True)
        pip = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        lists = [f"--requirement={file}" for file in files if file.suffix == ".txt"]
        # pip inherits the lock: if it outlives this process, the next one waits for it.
        if status := subprocess.run([*pip, *options, *lists], pass_fds=[lock.fileno()]).returncode:
            sys.exit(status)
        done.touch()


def take_lock(lock: TextIO, folder: Path) -> None:
    """Takes the lock, and says so if it must wait for another process."""
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        print(f"Another process is setting up {folder}: waiting for it.", flush=True)
        fcntl.flock(lock, fcntl.LOCK_EX)


def has_pip(python: Path) -> bool:
    """Returns whether the environment is complete. pip is installed last."""
    if not python.exists():
        return False
    return subprocess.run([python, "-m", "pip", "--version"], capture_output=True).returncode == 0


def make_environment(folder: Path) -> None:
    """Creates the environment in `folder` and replaces an incomplete one."""
    try:
        import ensurepip  # noqa: F401
    except ImportError:
        venv.EnvBuilder(clear=True).create(folder)
        install_pip(folder / "bin" / "python")
    else:
        venv.EnvBuilder(clear=True, with_pip=True).create(folder)


def install_pip(python: Path) -> None:
    """Downloads pip's newest wheel from the package index and lets it install itself."""
    page = f"{PACKAGE_INDEX.rstrip('/')}/pip/"
    with urllib.request.urlopen(page, timeout=60) as answer:
        links = PIP_WHEEL_LINK.findall(answer.read().decode())
    if not links:
        sys.exit(f"vitrina: {page} offers no pip; install python3-venv and try again.")
    url, name, checksum = links[-1]
    with urllib.request.urlopen(urllib.parse.urljoin(page, url), timeout=60) as answer:
        wheel = answer.read()
    if hashlib.sha256(wheel).hexdigest() != checksum:
        sys.exit(f"vitrina: {name} arrived damaged; try again.")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / name
        path.write_bytes(wheel)
        subprocess.run([python, path / "pip", "install", "--quiet", "--no-index", path], check=True)


if __name__ == "__main__":
    given = sys.argv[1:]
    options = [argument for argument in given if argument.startswith("--")]
    first, *others = [Path(argument) for argument in given if argument not in options]
    try:
        main(options, first, others)
    except KeyboardInterrupt:
        sys.exit(130)
