"""An import onto a full disk ends with a sentence and can be repeated once there is room. The tests
fill real small disks, one for photos and one for the database."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from django.db import connection
from PIL import Image

from catalog.importing.files import ImportFailed, import_file
from catalog.models import Product, ProductImage

pytestmark = pytest.mark.usefixtures("empty_catalogue")

PRODUCTS = 40
BATCH = 10
SPACE = f"small_{os.getpid()}"
SmallDisk = Callable[[int, int], Path]


def resize(disk: Path, kilobytes: int) -> None:
    subprocess.run(["mount", "-o", f"remount,size={kilobytes}k", str(disk)], check=True)


@pytest.fixture
def supplied(tmp_path: Path) -> Path:
    """A supplier's file of PRODUCTS products, each with a photo of about 50 kilobytes."""
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
    """Checks that every product has its whole photo and that the storage holds nothing else."""
    assert Product.objects.count() == ProductImage.objects.count() == PRODUCTS
    for image in ProductImage.objects.all():
        Image.open(BytesIO((media / image.file.name).read_bytes())).load()
    assert len(stored(media)) == PRODUCTS


def test_a_full_disk_for_photos_ends_an_import_with_a_sentence(
    supplied: Path, small_disk: SmallDisk, settings: Any
) -> None:
    media = small_disk(1024, 0)
    settings.MEDIA_ROOT = media

    with pytest.raises(ImportFailed) as told:
        import_file(supplied, batch_size=BATCH)

    assert str(told.value) == (
        "A photo cannot be stored: No space left on device. 10 products are written, the others"
        " are not. Remove the cause, then import the file again."
    )
    assert Product.objects.count() == ProductImage.objects.count() == BATCH
    assert all(size > 40_000 for size in stored(media).values())  # no photo is partial

    resize(media, 8192)
    import_file(supplied, batch_size=BATCH)
    check_whole(media)


# This runs in a database of its own: PostgreSQL cannot roll back changes to a table that moved to
# another tablespace.
ON_A_SMALL_DISK = """
import json, subprocess, sys
from pathlib import Path
from config.database import database_in_use
with database_in_use():
    import django
    django.setup()
    from django.conf import settings
    from django.db import connection
    from catalog.importing.files import ImportFailed, import_file
    from catalog.models import Product, ProductImage
    from catalog.demo.synthetic import scratch_database
    supplied, media, disk, space, batch = sys.argv[1:]
    settings.MEDIA_ROOT, told = media, ""
    def run_import():
        import_file(Path(supplied), batch_size=int(batch))
    def sql(statement):
        with connection.cursor() as cursor:
            cursor.execute(statement)
    def resize(kilobytes):
        subprocess.run(["mount", "-o", f"remount,size={kilobytes}k", disk], check=True)
    with scratch_database("vitrina_small_disk"):
        sql(f"CREATE TABLESPACE {space} LOCATION '{disk}'")
        sql("ALTER TABLE catalog_product ALTER description SET STORAGE EXTERNAL")
        sql(f"ALTER TABLE catalog_product SET TABLESPACE {space}")
        resize(250)
        try:
            run_import()
        except ImportFailed as error:
            told = str(error)
        written = Product.objects.count()
        resize(65_536)
        run_import()
        found = [told, written, Product.objects.count(), ProductImage.objects.count()]
    sql(f"DROP TABLESPACE {space}")
    print(json.dumps(found))
"""


def test_a_full_disk_of_the_database_ends_an_import_with_a_sentence(
    supplied: Path, small_disk: SmallDisk, tmp_path: Path
) -> None:
    # Given a database that stores its products on a small disk.
    with connection.cursor() as cursor:
        cursor.execute("SHOW data_directory")
        folder = Path(cursor.fetchone()[0])
    if not folder.exists():
        pytest.skip("The database is on another machine.")
    disk = small_disk(65_536, folder.stat().st_uid)
    arguments = [str(supplied), str(tmp_path / "media"), str(disk), SPACE, str(BATCH)]

    ended = in_a_process(ON_A_SMALL_DISK, arguments)

    assert ended.returncode == 0, ended.stderr
    told, written, products, images = json.loads(ended.stdout.splitlines()[-1])
    assert "The database cannot write: could not extend file" in told
    assert "No space left on device" in told
    assert f"{written} products are written" in told
    assert 0 < written < PRODUCTS
    assert written % BATCH == 0
    assert products == images == PRODUCTS
    assert len(stored(tmp_path / "media")) == PRODUCTS


def in_a_process(script: str, arguments: list[str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", script, *arguments],
        capture_output=True,
        text=True,
        env={**os.environ, "DJANGO_SETTINGS_MODULE": "config.settings"},
        timeout=240,
    )


def test_a_file_limit_ends_an_import_with_a_sentence(supplied: Path, tmp_path: Path) -> None:
    """A limit on file sizes stands in for a full disk where users may not mount one."""
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
    ended = in_a_process(script, [])

    assert ended.returncode == 1
    assert ended.stderr.strip().splitlines()[-1].startswith("A photo cannot be stored: File too")
    assert "Traceback" not in ended.stderr
    assert stored(tmp_path / "media") == {}
