"""Where a server's files lie and which operating-system user owns them and runs it.

PostgreSQL refuses to run as root. Root therefore runs it as the user who owns the folder, or as
`nobody` where that is root or unknown to the system. That user may be unable to enter the folder at
all (a repository under /root), and then the files live in /var/lib instead.
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
OUTSIDE = Path("/var/lib")
DATABASE = "vitrina"
SOCKET_NAME = ".s.PGSQL.5432"
# sockaddr_un holds 107 bytes on Linux and 103 on macOS.
LONGEST_SOCKET_PATH = 100


@dataclass(frozen=True)
class Account:
    """The operating-system user that the server runs as; never root."""

    uid: int
    gid: int

    @property
    def has_name(self) -> bool:
        """Whether the system knows a name for this user, without which initdb refuses to work."""
        try:
            pwd.getpwuid(self.uid)
        except KeyError:
            return False
        return True

    def for_subprocess(self) -> dict[str, Any]:
        """The arguments that make subprocess.run run a command as this user."""
        if os.geteuid() == self.uid:
            return {}
        return {"user": self.uid, "group": self.gid, "extra_groups": []}

    def can_enter(self, folder: Path) -> bool:
        """Whether this user can traverse every folder down to this one; asks the kernel."""
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
    """A server's files: `home` is the folder asked for, or the one that stands in for it."""

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
        """The private folder of the server's socket: in `home`, or in /tmp where that is too long.

        Unusual characters go to /tmp too: PostgreSQL reads a comma-separated list of folders.
        """
        inside = self.home / "run"
        short = len(os.fsencode(inside / SOCKET_NAME)) <= LONGEST_SOCKET_PATH
        if short and re.fullmatch(r"[A-Za-z0-9/._ +-]+", str(inside)):
            return inside
        return Path("/tmp") / f"vitrina-{self.account.uid}-{_fingerprint(self.home)}"

    def prepare(self) -> None:
        """Make the folders that are missing, private to the account. Safe to repeat.

        Raises EmbeddedPostgresError where they cannot be made or belong to somebody else.
        """
        if re.search(r'["$`\\\n\r]', str(self.home)):
            raise EmbeddedPostgresError(
                f"PostgreSQL's programs cannot handle the name of the folder {self.home}: "
                "set DATA_DIR to one without quotes, dollars and backslashes."
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
                f"the user who runs this, set DATA_DIR to a folder of theirs, or {USE_ANOTHER}."
            ) from error
        if not self.account.can_enter(self.home):
            raise EmbeddedPostgresError(
                f"The database in {self.home} belongs to user {self.account.uid}, who cannot enter "
                "that folder. Let that user enter the folders above it, or set DATA_DIR to another."
            )

    def give(self, file: int | Path) -> None:
        """Give a file that root made to the account."""
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
                f"Start it as the user who did so before ({NOBODY} means that root did), remove "
                "the folder if it holds nothing of worth, or set DATA_DIR to another."
            )
        if stat.S_IMODE(found.st_mode) != 0o700:
            folder.chmod(0o700)

    def _leave_note(self) -> None:
        _make_parents(self.folder)
        self.folder.mkdir(exist_ok=True)
        (self.folder / "moved.txt").write_text(
            f"The database of this folder lies in {self.home}: PostgreSQL cannot run as root, and "
            f"user {self.account.uid}, whom it runs as instead, cannot enter this folder.\n"
        )


def find_place(folder: Path) -> Place:
    """Decide where the server of this folder has its files and who runs it; changes nothing.

    The answer is the same before and after the first start, so a URL can be told ahead of it.
    """
    folder = folder.resolve()
    outside = OUTSIDE / f"vitrina-{_fingerprint(folder)}"
    # os.path.exists and not Path.exists, which raises where a folder may not be entered
    if os.path.exists(folder / "data"):
        return Place(folder, folder, _account(folder / "data"))
    if os.path.exists(outside):
        return Place(folder, outside, _account(outside))
    account = _account(_nearest_existing(folder))
    if os.geteuid() == 0 and not account.has_name:
        account = Account(NOBODY, NOBODY)  # a container's root in a folder of the host's user
    home = folder if account.can_enter(_nearest_existing(folder.parent)) else outside
    return Place(folder, home, account)


def _account(path: Path) -> Account:
    if os.geteuid() != 0:
        return Account(os.geteuid(), os.getegid())
    owner = path.stat()
    if owner.st_uid == 0:
        return Account(NOBODY, NOBODY)
    return Account(owner.st_uid, owner.st_gid)


def _nearest_existing(path: Path) -> Path:
    return next(level for level in (path, *path.parents) if os.path.exists(level))


def _make_parents(path: Path) -> None:
    """Make the missing folders above a path, passable whatever the umask, owned as those above."""
    missing = [level for level in path.parents if not os.path.exists(level)]
    for level in reversed(missing):
        level.mkdir(exist_ok=True)
        level.chmod(0o755)
        if os.geteuid() == 0:
            above = level.parent.stat()
            os.chown(level, above.st_uid, above.st_gid)


def _fingerprint(path: Path) -> str:
    return hashlib.sha256(os.fsencode(path)).hexdigest()[:12]
