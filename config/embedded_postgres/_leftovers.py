"""What a killed server leaves behind: lock files that lie, and backends that finish their work; and
what a killed start leaves behind: a server that nobody waits for."""

import os
from pathlib import Path


def processes_in(data: Path, uid: int) -> list[int]:
    """Ids of live PostgreSQL processes of a user that work in a data folder; zombies do not live.

    A process whose working folder cannot be seen (root without ptrace rights in a container) counts
    as one of them, to be on the safe side.
    """
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if process.stat().st_uid != uid or not _is_live_postgres(process):
                continue
            if os.readlink(process / "cwd") == str(data):
                found.append(int(process.name))
        except PermissionError:
            found.append(int(process.name))
        except OSError:
            continue
    return found


def starters_of(data: Path) -> list[int]:
    """Ids of the live pg_ctl processes at work on a data folder, whoever started them."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            command = (process / "cmdline").read_bytes().split(b"\0")
        except OSError:
            continue
        if command[0].endswith(b"/pg_ctl") and os.fsencode(data) in command:
            found.append(int(process.name))
    return found


def postmaster_of(data: Path, uid: int) -> int | None:
    """The id of the live server of a data folder, also of one that does not listen yet."""
    try:
        named = int((data / "postmaster.pid").read_text().partition("\n")[0])
    except (OSError, ValueError):
        return None
    return named if named in processes_in(data, uid) else None


def remove_stale_locks(data: Path, sockets: Path, uid: int) -> None:
    """Remove the lock files of a killed server, unless any of its processes still lives.

    PostgreSQL does so itself when the process id in them is free, but not when a zombie or an
    unrelated process has it. Without /proc to tell these apart, the files stay.
    """
    if not Path("/proc/self").exists() or processes_in(data, uid):
        return
    for lock in (data / "postmaster.pid", sockets / ".s.PGSQL.5432.lock"):
        lock.unlink(missing_ok=True)


def _is_live_postgres(process: Path) -> bool:
    # "pid (name) state ...", where the name may hold spaces and parentheses
    head, _, rest = (process / "stat").read_text().rpartition(")")
    return head.partition("(")[2] == "postgres" and rest.split()[0] not in "ZX"
