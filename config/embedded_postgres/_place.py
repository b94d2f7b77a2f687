"""The folder of a server's files, and the operating-system user who owns them and runs it.

PostgreSQL refuses to run as root. Root therefore runs it as the user who owns the folder, or as
`nobody` if that is root or unknown to the system. If that user cannot enter the folder, such as a
repository under /root, the files lie in /var/lib instead.
"""

import hashlib
import os
import pwd
import re
import stat
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ._errors import USE_ANOTHER, EmbeddedPostgresError

NOBODY = 65534
FALLBACK_ROOT = Path("/var/lib")
DATABASE = "vitrina"
SOCKET_NAME = ".s.PGSQL.5432"
# sockaddr_un holds 107 bytes on Linux and 103 on macOS.
MAX_SOCKET_PATH_BYTES = 100


@dataclass(frozen=True)
class Account:
    """The operating-system user who runs the server; never root."""

    uid: int
    gid: int

    @property
    def has_name(self) -> bool:
        """Whether the system has a name for this user, which initdb requires."""
        try:
            pwd.getpwuid(self.uid)
        except KeyError:
            return False
        return True

    def for_subprocess(self) -> dict[str, Any]:
        """Returns arguments for subprocess.run that run a command as this user."""
        if os.geteuid() == self.uid:
            return {}
        return {"user": self.uid, "group": self.gid, "extra_groups": []}

    def can_enter(self, folder: Path) -> bool:
        """Asks the kernel whether this user can enter a folder and all folders above it."""
        if os.geteuid() == self.uid:
            return True
        command = ["/bin/sh", "-c", 'cd -- "$0" 2>/dev/null', str(folder)]
        try:
            return subprocess.run(command, cwd="/", **self.for_subprocess()).returncode == 0
        except OSError as error:
            raise EmbeddedPostgresError(
                f"PostgreSQL cannot run as root, and root may not become user {self.uid} here "
                f"({error.strerror}). Run as an ordinary user, or {USE_ANOTHER}."
            ) from error


@dataclass(frozen=True)
class Place:
    """The files of a server. `home` is the requested folder, or the one that replaces it."""

    folder: Path
    home: Path
    account: Account

    @property
    def data(self) -> Path:
        return self.home / "data"

    @property
    def log(self) -> Path:
        return self.home / "server.log"

    @property
    def sockets(self) -> Path:
        """The private folder of the server's socket.

        It is in `home`, or in /tmp if that path is too long or has unusual characters: PostgreSQL
        reads the setting as a comma-separated list.
        """
        inside = self.home / "run"
        short = len(os.fsencode(inside / SOCKET_NAME)) <= MAX_SOCKET_PATH_BYTES
        if short and re.fullmatch(r"[A-Za-z0-9/._ +-]+", str(inside)):
            return inside
        return Path("/tmp") / f"vitrina-{self.account.uid}-{_hash_path(self.home)}"

    def create_folders(self) -> None:
        """Creates the missing folders, private to the account. It is safe to repeat.

        Raises EmbeddedPostgresError if they cannot be created or belong to another user.
        """
        if re.search(r'["$`\\\n\r]', str(self.home)):
            raise EmbeddedPostgresError(
                f"PostgreSQL's programs cannot handle the name of the folder {self.home}: "
                "set DATA_DIR to a folder without quotes, dollar signs and backslashes."
            )
        try:
            _make_parents(self.home)
            self._make_private(self.home)
            self._make_private(self.sockets)
            if self.home != self.folder:
                self._leave_note()
        except OSError as error:
            raise EmbeddedPostgresError(
                f"Cannot write {error.filename or self.home}: {error.strerror}. Give the folder to "
                f"the user who runs this, set DATA_DIR to a folder of that user, or {USE_ANOTHER}."
            ) from error
        if not self.account.can_enter(self.home):
            raise EmbeddedPostgresError(
                f"The database in {self.home} belongs to user {self.account.uid}, who cannot enter "
                "that folder. Let that user enter the folders above, or choose another DATA_DIR."
            )

    def give_to_account(self, file: int | Path) -> None:
        """Gives a file that root created to the account."""
        if os.geteuid() == 0:
            os.chown(file, self.account.uid, self.account.gid)

    def _make_private(self, folder: Path) -> None:
        folder.mkdir(mode=0o700, exist_ok=True)
        found = folder.lstat()
        if found.st_uid == 0 and os.geteuid() == 0:
            os.chown(folder, self.account.uid, self.account.gid, follow_symlinks=False)
        elif found.st_uid != self.account.uid or not stat.S_ISDIR(found.st_mode):
            raise EmbeddedPostgresError(
                f"{folder} belongs to user {found.st_uid} and not to user {self.account.uid}. "
                f"Start as the user who started it before ({NOBODY} means root), remove the folder "
                "if you do not need its data, or set DATA_DIR to another one."
            )
        if stat.S_IMODE(found.st_mode) != 0o700:
            folder.chmod(0o700)

    def _leave_note(self) -> None:
        _make_parents(self.folder)
        self.folder.mkdir(exist_ok=True)
        (self.folder / "moved.txt").write_text(
            f"The database of this folder lies in {self.home}: PostgreSQL cannot run as root, and "
            f"user {self.account.uid}, who runs it instead, cannot enter this folder.\n"
        )


def find_place(folder: Path, fallback_root: Path = FALLBACK_ROOT) -> Place:
    """Returns where the server of this folder keeps its files and who runs it. Changes nothing.

    `fallback_root` holds the files if the server's user cannot enter the folder. The result is the
    same before and after the first start, so the URL is known before it.
    """
    folder = folder.resolve()
    outside = fallback_root / f"vitrina-{_hash_path(folder)}"
    # Not Path.exists, which raises an error if a folder may not be entered.
    if os.path.exists(folder / "data"):
        return Place(folder, folder, _find_account(folder / "data"))
    if os.path.exists(outside):
        return Place(folder, outside, _find_account(outside))
    account = _find_account(_find_nearest_existing(folder))
    if os.geteuid() == 0 and not account.has_name:
        account = Account(NOBODY, NOBODY)  # root of a container, in a folder of a user of the host
    home = folder if account.can_enter(_find_nearest_existing(folder.parent)) else outside
    return Place(folder, home, account)


def _find_account(path: Path) -> Account:
    if os.geteuid() != 0:
        return Account(os.geteuid(), os.getegid())
    owner = path.stat()
    if owner.st_uid == 0:
        return Account(NOBODY, NOBODY)
    return Account(owner.st_uid, owner.st_gid)


def _find_nearest_existing(path: Path) -> Path:
    return next(level for level in (path, *path.parents) if os.path.exists(level))


def _make_parents(path: Path) -> None:
    """Creates the missing folders above a path. All users can pass them, whatever the umask, and
    they have the owner of the folder above."""
    missing = [level for level in path.parents if not os.path.exists(level)]
    for level in reversed(missing):
        level.mkdir(exist_ok=True)
        level.chmod(0o755)
        if os.geteuid() == 0:
            above = level.parent.stat()
            os.chown(level, above.st_uid, above.st_gid)


def _hash_path(path: Path) -> str:
    return hashlib.sha256(os.fsencode(path)).hexdigest()[:12]
