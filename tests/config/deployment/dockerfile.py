"""Reads the Dockerfile, and builds and runs its images without a container engine: a folder takes
the place of the file system, and commands run in it as a user who has no name."""

import fnmatch
import json
import os
import re
import shlex
import shutil
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

from config.paths import BASE_DIR

PLACE = "/srv/vitrina"
USER = 10001
PYTHON = Path("/usr/bin/python3.11")
"""The base image has Python 3.11 in /usr/local/bin. A Python that only root can enter is of no
use."""


@dataclass
class Stage:
    """A stage: the image or stage it begins with, and its other instructions in order."""

    name: str
    base: str
    instructions: list[tuple[str, str]] = field(default_factory=list)


def read_dockerfile() -> dict[str, Stage]:
    """Returns the stages by name."""
    text = (BASE_DIR / "Dockerfile").read_text()
    lines = re.sub(r"\\\n", " ", text).splitlines()
    stages: dict[str, Stage] = {}
    for line in lines:
        instruction, _, argument = line.strip().partition(" ")
        if instruction == "FROM":
            base, _, name = argument.split()
            current = stages[name] = Stage(name, base)
        elif instruction and not instruction.startswith("#"):
            current.instructions.append((instruction, argument.strip()))
    return stages


class Image:
    """A stage as a folder. `environment` is that of its processes, `command` its CMD."""

    def __init__(self, top: Path, stage: Stage, built: dict[str, "Image"]) -> None:
        self.root = top / stage.name
        self.place = self.root / PLACE.lstrip("/")
        self.environment: dict[str, str] = {}
        self.command: list[str] = []
        self._built = built
        if stage.base in built:
            self._take(built[stage.base].root, self.root)
            self.environment.update(built[stage.base].environment)
        else:
            (self.root / "bin").mkdir(parents=True)
            python = self.root / "bin/python"
            python.write_text(f'#!/bin/sh\nexec {PYTHON} "$@"\n')
            python.chmod(0o755)
        own(self.root)
        for instruction, argument in stage.instructions:
            getattr(self, f"_{instruction.lower()}")(argument)

    def run(self, command: list[str], **environment: str) -> subprocess.Popen[str]:
        """Starts a command as the user of the image, with its environment alone."""
        return subprocess.Popen(
            command,
            cwd=self.place,
            env={
                **{name: self._here(value) for name, value in self.environment.items()},
                **environment,
            },
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            **({"user": USER, "group": USER, "extra_groups": []} if os.geteuid() == 0 else {}),
        )

    def size(self) -> int:
        """Returns the bytes of what the image adds to its base."""
        return sum(path.lstat().st_size for path in self.place.rglob("*") if not path.is_dir())

    def _here(self, text: str) -> str:
        """Names in this folder what has a place in the image. A test by another user than root runs
        everything as that user."""
        text = text.replace("/usr/local/bin", str(self.root / "bin"))
        text = text.replace(PLACE, str(self.place)).replace("/data", str(self.root / "data"))
        return text if os.geteuid() == 0 else text.replace(str(USER), str(os.geteuid()))

    def _take(self, origin: Path, target: Path) -> None:
        """Copies a folder by hard links. Commands of a virtual environment name their folder, which
        is another one here."""
        shutil.copytree(origin, target, symlinks=True, dirs_exist_ok=True, copy_function=os.link)
        past = self.root.parent / origin.relative_to(self.root.parent).parts[0]
        for path in (self.place / ".venv/bin").glob("*"):
            if path.is_file() and not path.is_symlink():
                text, mode = path.read_bytes(), path.stat().st_mode
                path.unlink()
                path.write_bytes(text.replace(f"{past}/".encode(), f"{self.root}/".encode()))
                path.chmod(mode)

    def _arg(self, argument: str) -> None:
        """An argument is a package index that may be out of reach. This machine's takes its
        place."""
        assert argument.startswith("PIP_EXTRA_INDEX_URL=")
        self.environment.update({key: os.environ[key] for key in os.environ if key[:4] == "PIP_"})

    def _env(self, argument: str) -> None:
        self.environment.update(pair.split("=", 1) for pair in shlex.split(argument))

    def _workdir(self, argument: str) -> None:
        assert argument == PLACE
        self.place.mkdir(parents=True, exist_ok=True)
        own(self.root)

    def _copy(self, argument: str) -> None:
        *options, source, target = shlex.split(argument)
        if options:
            origin = self._built[options[0].removeprefix("--from=")]
            assert (source, target) == (PLACE, "./")
            self._take(origin.place, self.place)
        else:
            for path in context():
                if source == "." or str(path) == source:
                    to = self.place / target / (path if source == "." else path.name)
                    to.parent.mkdir(parents=True, exist_ok=True)
                    shutil.copy(BASE_DIR / path, to)
        own(self.root)

    def _run(self, argument: str) -> None:
        process = self.run(["sh", "-c", self._here(argument)])
        output = process.communicate()[0]
        assert process.returncode == 0, f"{argument}\n{output}"

    def _user(self, argument: str) -> None:
        """What the image has belongs to root, so the user of the image cannot change it."""
        assert argument == f"{USER}:{USER}"
        own(self.place, 0)

    def _volume(self, argument: str) -> None:
        assert (self.root / argument.lstrip("/")).is_dir()

    def _expose(self, argument: str) -> None:
        assert argument == self.environment["PORT"]

    def _cmd(self, argument: str) -> None:
        self.command = json.loads(argument)


def own(folder: Path, user: int = USER) -> None:
    """Gives all of a folder to the user of the images, or to another one."""
    if os.geteuid() == 0:
        subprocess.run(["chown", "-hR", f"{user}:{user}", folder], check=True)


def context() -> list[Path]:
    """Returns the files that a builder is sent: those that .dockerignore leaves."""
    patterns = [
        line
        for line in (BASE_DIR / ".dockerignore").read_text().splitlines()
        if line and not line.startswith("#")
    ]
    listed = subprocess.run(
        ["git", "-c", "safe.directory=*", "ls-files"],
        cwd=BASE_DIR,
        capture_output=True,
        text=True,
        check=True,
    )
    return [Path(name) for name in listed.stdout.splitlines() if is_sent(name, patterns)]


def is_sent(name: str, patterns: list[str]) -> bool:
    """Returns whether the last pattern that matches the file, or a folder of it, begins with !."""
    parts = [name, *(str(folder) for folder in Path(name).parents)]
    sent = True
    for pattern in patterns:
        shape = pattern.removeprefix("!").removeprefix("**/")
        if any(fnmatch.fnmatch(part, shape) for part in parts):
            sent = pattern.startswith("!")
    return sent
