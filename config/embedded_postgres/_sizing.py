"""Chooses PostgreSQL settings for the memory, the processors and the /dev/shm of the machine."""

import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

MB = 1024**2
UNITS = {"B": 1, "kB": 1024, "MB": MB, "GB": 1024**3, "TB": 1024**4}


@dataclass(frozen=True)
class Machine:
    """A machine's memory in bytes and processors. `shared_memory` is the free space of /dev/shm, or
    None without it."""

    memory: int
    shared_memory: int | None
    processors: int


def measure_machine() -> Machine:
    """Measures this machine. A lower memory limit of its control group counts instead."""
    physical = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    try:
        shm = os.statvfs("/dev/shm")
        shared_memory = shm.f_bavail * shm.f_frsize
    except OSError:
        shared_memory = None
    return Machine(min([physical, *_read_memory_limits()]), shared_memory, os.cpu_count() or 1)


def size_settings(machine: Machine, chosen: Mapping[str, str]) -> dict[str, str]:
    """Returns all settings of the server: sized for the machine, overridden by those chosen.

    A parallel HNSW build allocates all of maintenance_work_mem in /dev/shm and fails if that is too
    small (64 MB in a default container). In that case, the build gets no parallel workers.
    """
    maintenance = min(max(machine.memory // 8, 64 * MB), 2048 * MB)
    settings = {
        "shared_buffers": f"{min(max(machine.memory // 8, 32 * MB), 4096 * MB) // MB}MB",
        "effective_cache_size": f"{max(machine.memory // 2, 64 * MB) // MB}MB",
        "maintenance_work_mem": f"{maintenance // MB}MB",
        "max_parallel_maintenance_workers": str(min(max(machine.processors - 1, 1), 4)),
        "max_connections": "100",
        "max_wal_size": "2GB",
        "wal_compression": "on",
        "jit": "off",
    }
    if "maintenance_work_mem" in chosen:
        maintenance = _parse_bytes(chosen["maintenance_work_mem"])
    if machine.shared_memory is None:
        settings["dynamic_shared_memory_type"] = "sysv"
    if machine.shared_memory is None or machine.shared_memory < 1.25 * maintenance:
        settings["max_parallel_maintenance_workers"] = "0"
    return {**settings, **chosen}


def _parse_bytes(size: str) -> int:
    """Parses PostgreSQL's notation of a memory size. A number without a unit is in kilobytes."""
    match = re.fullmatch(r"\s*(\d+)\s*(B|kB|MB|GB|TB)?\s*", size)
    if match is None:
        raise ValueError(f"maintenance_work_mem must look like 512MB, not {size!r}.")
    return int(match[1]) * UNITS[match[2] or "kB"]


def _read_memory_limits() -> Iterator[int]:
    """Yields the memory limits, in bytes, of this process's control group and those above it (v1
    and v2)."""
    try:
        memberships = Path("/proc/self/cgroup").read_text().splitlines()
    except OSError:
        return
    for line in memberships:
        _, controllers, group = line.split(":", 2)
        if controllers == "":
            root, name = Path("/sys/fs/cgroup"), "memory.max"
        elif "memory" in controllers.split(","):
            root, name = Path("/sys/fs/cgroup/memory"), "memory.limit_in_bytes"
        else:
            continue
        folder = root / group.lstrip("/")
        for level in (folder, *folder.parents):
            if not level.is_relative_to(root):
                break
            try:
                limit = (level / name).read_text().strip()
            except OSError:
                continue
            if limit.isdigit():
                yield int(limit)
