"""A client that openapi-python-client makes of the schema: it makes every call."""

import importlib
import inspect
import json
import subprocess
import sys
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from types import ModuleType
from typing import Any

import httpx
import pytest
from django.core.signals import request_finished, request_started
from django.db import close_old_connections

from catalog.api.access_keys import create_key
from catalog.models import Product
from tests.search.conftest import DemoPhoto

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("demo_index")]

SCHEMA = Path(__file__).resolve().parents[3] / "docs" / "openapi.json"
PACKAGE = "generated_shop_client"


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ModuleType]:
    """The package of the generated client."""
    folder = tmp_path_factory.mktemp("client")
    (folder / "settings.yaml").write_text("post_hooks: []\n")
    command = ["generate", "--path", str(SCHEMA), "--meta", "none", "--config", "settings.yaml"]
    program = Path(sys.executable).with_name("openapi-python-client")
    made = subprocess.run(
        [str(program), *command, "--output-path", PACKAGE, "--fail-on-warning"],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    assert made.returncode == 0, made.stdout + made.stderr
    sys.path.insert(0, str(folder))
    yield importlib.import_module(PACKAGE)
    sys.path.remove(str(folder))


@pytest.fixture
def wire() -> Iterator[dict[str, Any]]:
    """Arguments of clients that send their requests to the application in this process, so that the
    test is rolled back."""
    from config.wsgi import application

    for signal in (request_started, request_finished):
        signal.disconnect(close_old_connections)
    transport = httpx.WSGITransport(app=application)
    yield {"base_url": "http://testserver", "httpx_args": {"transport": transport}}
    for signal in (request_started, request_finished):
        signal.connect(close_old_connections)


def call_of(name: str) -> ModuleType:
    """Returns the module of an operation."""
    tag = "events" if name.startswith("events") else name.partition("_")[0]
    return importlib.import_module(f"{PACKAGE}.api.{tag}.{name}")


def operation_ids() -> set[str]:
    paths = json.loads(SCHEMA.read_text())["paths"]
    return {operation["operationId"] for at in paths.values() for operation in at.values()}


def photo_query(package: ModuleType, photo: bytes) -> Any:
    """Returns the body of a search by photo."""
    file = package.types.File(payload=BytesIO(photo), file_name="p.jpg", mime_type="image/jpeg")
    models = importlib.import_module(f"{PACKAGE}.models")
    return models.PhotoParametersRequest(image=[file], limit=3)


def test_searches_need_no_key_and_changes_do(
    client: ModuleType, wire: dict[str, Any], photos: dict[str, DemoPhoto]
) -> None:
    anybody = client.Client(**wire)
    _, key = create_key("shop", ["catalog"], "test")
    owner = client.AuthenticatedClient(token=key, **wire)
    models = importlib.import_module(f"{PACKAGE}.models")

    by_photo = call_of("search_photo").sync(
        client=anybody, body=photo_query(client, photos["scopia-living-lamp-2"].data)
    )
    by_words = call_of("search_text").sync(client=anybody, q="lamp", limit=2)
    item = models.ImportItemRequest(sku="made-by-client", title="Stool", price=9.5)
    imported = call_of("products_import").sync(
        client=owner, body=models.ProductImportRequest(products=[item])
    )

    assert by_photo.results[0].product.sku == photos["scopia-living-lamp-2"].sku
    assert len(by_words.results) == 2
    assert imported.written == 1
    assert Product.objects.get(sku="made-by-client").price == 9.5
    for name in operation_ids():
        asks = inspect.signature(call_of(name).sync_detailed).parameters["client"].annotation
        is_open = "security" not in json.dumps(_operation(name))
        assert ("Client | " in str(asks) or "| " in str(asks)) == is_open, (name, asks)


def _operation(name: str) -> dict[str, Any]:
    paths = json.loads(SCHEMA.read_text())["paths"]
    return next(o for at in paths.values() for o in at.values() if o["operationId"] == name)


@pytest.mark.long
def test_every_call_is_made(
    client: ModuleType, wire: dict[str, Any], photos: dict[str, DemoPhoto]
) -> None:
    _, key = create_key("everything", ["search", "events", "catalog", "index"], "test")
    owner = client.AuthenticatedClient(token=key, **wire)
    models = importlib.import_module(f"{PACKAGE}.models")
    product = Product.objects.get(sku="blends-armchair")
    statuses: dict[str, int] = {}

    def call(name: str, *args: Any, **options: Any) -> Any:
        answer = call_of(name).sync_detailed(*args, client=owner, **options)
        statuses[name] = int(answer.status_code)
        return answer.parsed

    event = models.EventRequest(
        type_=models.TypeEnum.CLICK, product=product.pk, session="s", query="0" * 32
    )
    call("search_photo", body=photo_query(client, photos["blends-bed1-1"].data))
    call("search_text", q="стул")
    call("search_suggestions", q="cha")
    call("products_list", tag=["chair"], limit=2)
    call("products_retrieve", product.pk)
    call("products_similar", product.pk)
    call("events_create", body=models.EventsRequest(events=[event]))
    item = models.ImportItemRequest(sku="one-more", title="Stool")
    made = call("products_import", body=models.ProductImportRequest(products=[item]))
    change = models.PriceChangeRequest(sku="one-more", price=7.0)
    call("products_change", body=models.ProductPricesRequest(changes=[change]))
    call("products_delete", made.items[0].id)
    control_index(call, models)
    manage_sources(call, models)

    refused = {"index_runs_pause", "index_runs_resume", "index_roll_back"}
    assert statuses.keys() == operation_ids()
    for name, status in statuses.items():
        assert status in ((200, 409) if name in refused else (200, 201, 202, 204)), name


def manage_sources(call: Any, models: Any) -> None:
    source = models.SourceRequest(name="feed", address="https://feeds.shop.example/a.csv")
    added = call("sources_create", body=source)
    call("sources_list")
    for name in ("sources_retrieve", "sources_pull", "sources_delete"):
        call(name, added.id)


def control_index(call: Any, models: Any) -> None:
    call("index_status")
    run = call("index_runs_create", body=models.NewRunRequest(kind=models.NewRunKindEnum.REFRESH))
    for name in ("index_runs_retrieve", "index_runs_pause", "index_runs_resume"):
        call(name, run.id)
    call("index_runs_cancel", run.id)
    call("index_runs_list")
    generation = call("index_generations_list").results[0]
    call("index_generations_publish", generation.id)
    call("index_roll_back")
    told = [models.EventsEnum.RUN_DONE]
    webhook = models.NewWebhookRequest(url="https://hooks.shop.example/", events=told)
    added = call("webhooks_create", body=webhook)
    call("webhooks_list")
    call("webhooks_delete", added.id)
