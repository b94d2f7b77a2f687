"""The first steps of `docs/api.md` work as they are written: curl, Python and JavaScript."""

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page

from catalog.api.access_keys import create_key
from catalog.models import ApiKey, Event, Product
from tests.search.conftest import DemoPhoto
from tests.support.web_servers import WebServer

pytestmark = [pytest.mark.django_db, pytest.mark.long]

DOCUMENT = Path(__file__).resolve().parents[3] / "docs" / "api.md"
SHOP = "http://localhost:9999"


def code_of(title: str) -> str:
    """Returns the first block of code under a title."""
    part = DOCUMENT.read_text().split(f"### {title}\n")[1]
    found = re.search(r"```\w+\n(.*?)```", part, re.S)
    assert found is not None
    return found[1]


def address_of(server: WebServer) -> str:
    return f"http://127.0.0.1:{server.port}"


@pytest.fixture(scope="module")
def keys(demo_index: None, django_db_blocker: Any) -> Iterator[dict[str, str]]:
    """Keys that the web server sees. What the steps write is removed."""
    with django_db_blocker.unblock():
        _, secret = create_key("First steps", ["catalog", "index"], "test")
        _, shop = create_key("Pages", ["search", "events"], "test", origins=[SHOP])
    yield {"secret": secret, "shop": shop}
    with django_db_blocker.unblock():
        ApiKey.objects.all().delete()
        Product.objects.filter(sku="A-100").delete()
        Event.objects.filter(session="s-1").delete()


@pytest.fixture
def folder(tmp_path: Path, photos: dict[str, DemoPhoto]) -> Path:
    """A folder with a photo."""
    (tmp_path / "photo.jpg").write_bytes(photos["scopia-living-lamp-2"].data)
    return tmp_path


def run(command: list[str], folder: Path, server: WebServer, key: str) -> str:
    environment = {"VITRINA": address_of(server), "KEY": key, "PATH": "/usr/bin:/bin"}
    done = subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_curl(folder: Path, demo_server: WebServer, keys: dict[str, str]) -> None:
    if shutil.which("curl") is None:
        pytest.skip("curl is not installed")
    script = code_of("curl").replace("curl ", "curl -sS --fail-with-body ")

    said = run(["sh", "-ec", script], folder, demo_server, keys["secret"])

    decoder, answers = json.JSONDecoder(), []
    while said := said.strip():
        answer, end = decoder.raw_decode(said)
        answers.append(answer)
        said = said[end:]
    found, events, imported, refresh = answers
    assert found["count"] == 3
    assert events["accepted"] + events["unknown"] == 1
    assert imported["written"] == 1
    assert refresh["kind"] == "refresh"


def test_python(
    folder: Path, demo_server: WebServer, keys: dict[str, str], photos: dict[str, DemoPhoto]
) -> None:
    said = run([sys.executable, "-c", code_of("Python")], folder, demo_server, keys["secret"])

    lines = said.splitlines()
    wanted = Product.objects.get(sku=photos["scopia-living-lamp-2"].sku)
    assert wanted.title in lines[0]
    assert "'accepted': 1" in lines[3]
    assert "'written': 1" in lines[4]
    assert "'kind': 'refresh'" in lines[5]


def test_javascript_in_a_page_of_another_origin(
    demo_server: WebServer, keys: dict[str, str], photos: dict[str, DemoPhoto], page: Page
) -> None:
    shop_page = {"body": "<p>shop</p>", "content_type": "text/html"}
    page.route(f"{SHOP}/", lambda route: route.fulfill(**shop_page))
    # Chromium asks the user before a page that it does not know to be local calls a local server.
    page.context.grant_permissions(["local-network-access"], origin=SHOP)
    page.goto(f"{SHOP}/")
    functions = "Object.assign(window, { searchPhoto, reportClick })"
    page.evaluate(f"() => {{ {code_of('JavaScript')}; {functions} }}")
    photo = list(photos["scopia-living-lamp-2"].data)
    call = """async ([site, key, bytes]) => {
        const file = new File([new Uint8Array(bytes)], "p.jpg", { type: "image/jpeg" });
        const found = await searchPhoto(site, key, file);
        const product = found.results[0].product;
        return [product.sku, await reportClick(site, key, product.id, found.query.id)];
    }"""

    sku, counts = page.evaluate(call, [address_of(demo_server), keys["shop"], photo])

    assert sku == photos["scopia-living-lamp-2"].sku
    assert counts == {"accepted": 1, "unknown": 0, "repeated": 0, "declined": 0}
