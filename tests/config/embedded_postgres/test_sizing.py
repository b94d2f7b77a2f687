"""Settings of the embedded server for machines of different sizes, with numbers worked out by
hand."""

import pytest

from config.embedded_postgres._sizing import MB, Machine, size_settings


@pytest.mark.parametrize(
    ("memory", "shared", "chosen", "buffers", "maintenance", "workers"),
    [
        (16384, 8192, {}, "2048MB", "2048MB", "3"),
        (4096, 2048, {}, "512MB", "512MB", "3"),
        (4096, 64, {}, "512MB", "512MB", "0"),  # a container's default /dev/shm
        (4096, 639, {}, "512MB", "512MB", "0"),
        (4096, 640, {}, "512MB", "512MB", "3"),  # 1.25 times 512
        (4096, None, {}, "512MB", "512MB", "0"),
        (4096, 2048, {"maintenance_work_mem": "2GB"}, "512MB", "2GB", "0"),
        (128, 64, {}, "32MB", "64MB", "0"),
    ],
)
def test_settings_suit_the_machine(
    memory: int,
    shared: int | None,
    chosen: dict[str, str],
    buffers: str,
    maintenance: str,
    workers: str,
) -> None:
    machine = Machine(memory * MB, None if shared is None else shared * MB, processors=4)
    settings = size_settings(machine, chosen)
    assert settings["shared_buffers"] == buffers
    assert settings["maintenance_work_mem"] == maintenance
    assert settings["max_parallel_maintenance_workers"] == workers
    assert settings.get("dynamic_shared_memory_type") == (None if shared else "sysv")
