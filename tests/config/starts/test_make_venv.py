"""The Makefile creates one environment, even if several makes run at the same time."""

import os
import shutil
import subprocess
import zipfile
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[3]
METADATA = "Metadata-Version: 2.1\nName: nothing\nVersion: 1\n"
WHEEL = "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n"


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """A clone that requires one package, which lies in the clone."""
    (tmp_path / "config").mkdir()
    for name in ("Makefile", "config/make_venv.py"):
        shutil.copy(REPOSITORY / name, tmp_path / name)
    with zipfile.ZipFile(tmp_path / "nothing-1-py3-none-any.whl", "w") as wheel:
        wheel.writestr("nothing.py", "")
        wheel.writestr("nothing-1.dist-info/METADATA", METADATA)
        wheel.writestr("nothing-1.dist-info/WHEEL", WHEEL)
        wheel.writestr("nothing-1.dist-info/RECORD", "")
    (tmp_path / "requirements.txt").write_text("./nothing-1-py3-none-any.whl\n")
    return tmp_path


def make(clone: Path) -> subprocess.Popen[str]:
    environment = {name: value for name, value in os.environ.items() if "MAKE" not in name}
    return subprocess.Popen(
        ["make", ".venv/run"],
        cwd=clone,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


@pytest.mark.long
def test_of_three_simultaneous_makes_one_sets_up_and_the_others_wait(clone: Path) -> None:
    makes = [make(clone) for _ in range(3)]
    said = [process.communicate()[0] for process in makes]

    assert [process.returncode for process in makes] == [0, 0, 0], said
    assert sum("Installing" in text for text in said) == 1, said
    assert sum("Another process is setting up .venv: waiting" in text for text in said) == 2, said
    subprocess.run([clone / ".venv/bin/python", "-c", "import nothing"], check=True)
    assert make(clone).communicate()[0] == "make: '.venv/run' is up to date.\n"


@pytest.mark.long
def test_a_killed_set_up_is_repeated(clone: Path) -> None:
    # Given an environment without pip, left by a killed make.
    (clone / ".venv/bin").mkdir(parents=True)
    (clone / ".venv/bin/python").symlink_to("/usr/bin/env")

    process = make(clone)

    assert "Installing" in process.communicate()[0]
    assert process.returncode == 0
    subprocess.run([clone / ".venv/bin/python", "-c", "import nothing"], check=True)
