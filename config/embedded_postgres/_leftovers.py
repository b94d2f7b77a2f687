"""Leftovers of killed processes. A killed server leaves stale lock files and backends that finish
their work; a killed start leaves a server that nobody uses."""

import os
from pathlib import Path


def find_processes(data: Path, uid: int) -> list[int]:
    """Returns the ids of a user's PostgreSQL processes in a data folder, without zombies.

    Processes whose working folder is hidden, as from root without ptrace rights in a container,
    are included to be on the safe side.
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


def find_starters(data: Path) -> list[int]:
    """Returns the ids of all running pg_ctl processes for a data folder."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            command = (process / "cmdline").read_bytes().split(b"\0")
        except OSError:
            continue
        if command[0].endswith(b"/pg_ctl") and os.fsencode(data) in command:
            found.append(int(process.name))
    return found


def find_postmaster(data: Path, uid: int) -> int | None:
    """Returns the id of the running server of a data folder, even if it does not listen yet."""
    try:
        named = int((data / "postmaster.pid").read_text().partition("\n")[0])
    except (OSError, ValueError):
        return None
    return named if named in find_processes(data, uid) else None


def remove_stale_locks(data: Path, sockets: Path, uid: int) -> None:
    """Removes the lock files of a killed server, unless any of its processes is still running.

    PostgreSQL removes them itself if no process has the id in them, but not if a zombie or an
    unrelated process has it. Without /proc to distinguish these, the files stay.
    """
    if not Path("/proc/self").exists() or find_processes(data, uid):
        return
    for lock in (data / "postmaster.pid", sockets / ".s.PGSQL.5432.lock"):
        lock.unlink(missing_ok=True)


def _is_live_postgres(process: Path) -> bool:
    # "pid (name) state ...", where the name may contain spaces and parentheses
    head, _, rest = (process / "stat").read_text().rpartition(")")
    return head.partition("(")[2] == "postgres" and rest.split()[0] not in "ZX"
