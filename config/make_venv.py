"""`python make_venv.py FOLDER`: a virtual environment with pip, also where the system's Python came
without `ensurepip` (Debian keeps it in a package of its own) and nobody may install that."""

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

INDEX = os.environ.get("PIP_INDEX_URL", "").strip() or "https://pypi.org/simple"
LINK = re.compile(r'href="([^"]+/(pip-[0-9.]+-py3-none-any\.whl)#sha256=([0-9a-f]{64}))"')


def main(folder: Path) -> None:
    """Makes the environment in `folder`, replacing one that was left half made."""
    if sys.version_info < (3, 11):  # noqa: UP036  (it is run by whatever Python there is)
        sys.exit(f"vitrina: Python 3.11 or newer is needed; this is {sys.version.split()[0]}.")
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
    main(Path(sys.argv[1]))
