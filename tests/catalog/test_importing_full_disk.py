"""Imports on a full disk end with a sentence, and go on when there is room: on real small disks,
for the photos and for the database."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import psycopg
import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from PIL import Image

from catalog.importing import files
from catalog.models import Product, ProductImage

pytestmark = pytest.mark.usefixtures("empty_catalogue")

PRODUCTS = 40
BATCH = 10
SPACE = f"small_{os.getpid()}"
SmallDisk = Callable[[int, int], Path]


@pytest.fixture
def small_disk() -> Iterator[SmallDisk]:
    """Makes a disk of so many kilobytes that belongs to a user. Skips where nothing may be
    mounted."""
    mounted = []

    def make(kilobytes: int, owner: int) -> Path:
        folder = Path(tempfile.mkdtemp(prefix="vitrina-disk-"))
        folder.chmod(0o755)
        how = f"size={kilobytes}k,uid={owner},mode=700"
        mount = ["mount", "-t", "tmpfs", "-o", how, "tmpfs", str(folder)]
        if os.geteuid() != 0 or subprocess.run(mount, capture_output=True).returncode:
            folder.rmdir()
            pytest.skip("This user may not mount a disk.")
        mounted.append(folder)
        return folder

    yield make
    for folder in mounted:
        subprocess.run(["umount", str(folder)], check=True)
        folder.rmdir()


def resize(disk: Path, kilobytes: int) -> None:
    subprocess.run(["mount", "-o", f"remount,size={kilobytes}k", str(disk)], check=True)


def leave_free(disk: Path, kilobytes: int) -> None:
    resize(disk, shutil.disk_usage(disk).used // 1024 + kilobytes)


@pytest.fixture
def supplied(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A supplier's file of PRODUCTS products, with a photo of about 50 kilobytes each."""
    monkeypatch.setattr(files, "BATCH", BATCH)
    random = np.random.default_rng(1)
    lines = []
    for number in range(PRODUCTS):
        noise = random.integers(0, 256, (128, 128, 3), np.uint8)
        Image.fromarray(noise).save(tmp_path / f"{number}.png")
        texts = {"description": random.bytes(5_000).hex(), "images": [f"{number}.png"]}
        lines.append(json.dumps({"sku": f"s{number}", "category": f"Shelf {number}", **texts}))
    file = tmp_path / "products.jsonl"
    file.write_text("\n".join(lines), encoding="utf-8")
    return file


def stored(media: Path) -> dict[str, int]:
    return {path.name: path.stat().st_size for path in media.rglob("*") if path.is_file()}


def check_whole(media: Path) -> None:
    """Every product has its photo, which is there as a whole, and nothing else is."""
    assert Product.objects.count() == ProductImage.objects.count() == PRODUCTS
    for image in ProductImage.objects.all():
        Image.open(BytesIO((media / image.file.name).read_bytes())).load()
    assert len(stored(media)) == PRODUCTS


def test_a_full_disk_for_photos_ends_an_import_with_a_sentence(
    supplied: Path, small_disk: SmallDisk, settings: Any
) -> None:
    media = small_disk(1024, 0)
    settings.MEDIA_ROOT = media

    with pytest.raises(CommandError) as told:
        call_command("import_products", str(supplied), verbosity=0)

    assert "No space left on device" in str(told.value)
    assert "10 products are written" in str(told.value)
    assert Product.objects.count() == ProductImage.objects.count() == BATCH
    assert all(size > 40_000 for size in stored(media).values())  # none is cut off

    resize(media, 8192)
    call_command("import_products", str(supplied), verbosity=0)
    check_whole(media)


def test_a_full_disk_of_the_database_ends_an_import_with_a_sentence(
    supplied: Path, small_disk: SmallDisk, settings: Any, tmp_path: Path
) -> None:
    # Given a database whose products lie on a small disk.
    settings.MEDIA_ROOT = tmp_path / "media"
    with connection.cursor() as cursor:
        cursor.execute("SHOW data_directory")
        folder = Path(cursor.fetchone()[0])
    if not folder.exists():
        pytest.skip("The database is on another machine.")
    disk = small_disk(262_144, folder.stat().st_uid)
    with psycopg.connect(**connection.get_connection_params(), autocommit=True) as beside:
        beside.execute(f"CREATE TABLESPACE {SPACE} LOCATION '{disk}'")
    try:
        with connection.cursor() as cursor:
            cursor.execute("ALTER TABLE catalog_product ALTER description SET STORAGE EXTERNAL")
            cursor.execute(f"ALTER TABLE catalog_product SET TABLESPACE {SPACE}")
        leave_free(disk, 300)

        with pytest.raises(CommandError) as told:
            call_command("import_products", str(supplied), verbosity=0)

        assert "The database cannot write: could not extend file" in str(told.value)
        assert "No space left on device" in str(told.value)
        written = Product.objects.count()
        assert f"{written} products are written" in str(told.value)
        assert 0 < written < PRODUCTS
        assert written % BATCH == 0

        resize(disk, 262_144)
        call_command("import_products", str(supplied), verbosity=0)
        check_whole(tmp_path / "media")
    finally:
        connection.set_rollback(True)
        connection.connection.rollback()
        with psycopg.connect(**connection.get_connection_params(), autocommit=True) as beside:
            beside.execute(f"DROP TABLESPACE {SPACE}")


def test_a_file_limit_ends_an_import_with_a_sentence(supplied: Path, tmp_path: Path) -> None:
    """As a full disk, for users who may not mount one."""
    script = f"""
import resource, sys
from config.database import database_in_use
with database_in_use():
    import django
    django.setup()
    from django.conf import settings
    from django.core.management import CommandError, call_command
    settings.MEDIA_ROOT = {str(tmp_path / "media")!r}
    settings.DATABASES["default"]["NAME"] = {connection.settings_dict["NAME"]!r}
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))
    try:
        call_command("import_products", {str(supplied)!r}, verbosity=0)
    except CommandError as error:
        sys.exit(str(error))
"""
    environment = {**os.environ, "DJANGO_SETTINGS_MODULE": "config.settings"}

    ended = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, env=environment, timeout=120
    )

    assert ended.returncode == 1
    assert ended.stderr.strip().splitlines()[-1].startswith("A photo cannot be stored: File too")
    assert "Traceback" not in ended.stderr
    assert stored(tmp_path / "media") == {}
