"""`python make_venv.py [--no-deps] VENV/DONE FILES`: installs the requirements that the files
ending in .txt list, then makes VENV/DONE, newer than all FILES. The environment is made where it is
missing, also where the system's Python came without `ensurepip` (Debian keeps it in a package of
its own) and nobody may install that. Of several at once, one works and the others wait."""

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

INDEX = os.environ.get("PIP_INDEX_URL", "").strip() or "https://pypi.org/simple"
LINK = re.compile(r'href="([^"]+/(pip-[0-9.]+-py3-none-any\.whl)#sha256=([0-9a-f]{64}))"')


def main(options: list[str], done: Path, files: list[Path]) -> None:
    """Installs, unless somebody else has done so meanwhile. Whoever was interrupted leaves no
    `done`, and the next one goes on."""
    if sys.version_info < (3, 11):  # noqa: UP036  (it is run by whatever Python there is)
        sys.exit(f"vitrina: Python 3.11 or newer is needed; this is {sys.version.split()[0]}.")
    folder = done.parent
    with Path(f"{folder}.lock").open("w") as lock:
        wait_for(lock, folder)
        if done.exists() and all(done.stat().st_mtime >= f.stat().st_mtime for f in files):
            return
        python = folder / "bin" / "python"
        if not has_pip(python):
            make_environment(folder)
        print("Installing what Vitrina needs (a few minutes the first time)", flush=True)
        pip = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        lists = [f"--requirement={file}" for file in files if file.suffix == ".txt"]
        # pip keeps the lock open: should it outlive this process, the next one waits for it.
        if status := subprocess.run([*pip, *options, *lists], pass_fds=[lock.fileno()]).returncode:
            sys.exit(status)
        done.touch()


def wait_for(lock: TextIO, folder: Path) -> None:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        print(f"Another process is setting up {folder}: waiting for it.", flush=True)
        fcntl.flock(lock, fcntl.LOCK_EX)


def has_pip(python: Path) -> bool:
    """Whether the environment was made to its end, pip being the last of it."""
    if not python.exists():
        return False
    return subprocess.run([python, "-m", "pip", "--version"], capture_output=True).returncode == 0


def make_environment(folder: Path) -> None:
    """Makes the environment in `folder`, replacing one that was left half made."""
    try:
        import ensurepip  # noqa: F401
    except ImportError:
        venv.EnvBuilder(clear=True).create(folder)
        install_pip(folder / "bin" / "python")
    else:
        venv.EnvBuilder(clear=True, with_pip=True).create(folder)


def install_pip(python: Path) -> None:
    """Fetches pip's newest wheel from the package index and lets it install itself."""
    page = f"{INDEX.rstrip('/')}/pip/"
    with urllib.request.urlopen(page, timeout=60) as answer:
        links = LINK.findall(answer.read().decode())
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
