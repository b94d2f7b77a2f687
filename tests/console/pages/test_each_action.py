"""Each action of the console through its page, by each group: those who may do it, do it, and the
audit log names them. For others nothing changes."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import transaction
from django.test import Client
from django.urls import reverse

from catalog.api.access_keys import create_key
from catalog.models import (
    ApiKey,
    AuditEntry,
    Event,
    ImageAddress,
    Product,
    ProductImport,
    RankingExperiment,
    Source,
    Tag,
)
from catalog.quality.ranking_experiments import adopt_ranking, start_experiment, stop_experiment
from indexing.generations.encoder_registry import register_encoder
from indexing.models import ImageFailure, IndexingRun
from indexing.pipeline.sources.source_actions import add_source
from tests.console.file_imports.uploads import FEED, address_of, press, upload, work
from tests.console.forms import filled, shown
from tests.console.pages.people import member
from tests.indexing.pipeline.sources.feeds import SHOP, pull
from tests.indexing.shop import add_product, add_products, photo, rebuild
from tests.support.rows_written import rows_written

pytestmark = pytest.mark.usefixtures("empty_shop")

GROUPS = ("viewer", "operator", "publisher")
SESSION = "5f0c9e51a2b34d185f0c9e51a2b34d18"
Data = dict[str, Any] | Callable[[Client], dict[str, Any]]


@dataclass(frozen=True)
class Action:
    """A form that is sent. `least`: the first group that may; `data`: what is sent, or a function
    that finds it on the page."""

    least: str
    address: str
    data: Data

    @property
    def refusals(self) -> set[int]:
        """The answers to those who may not. Lists leave out their actions, or say who may."""
        return {200, 302, 403} if isinstance(self.data, dict) and "action" in self.data else {403}

    def send(self, client: Client) -> int:
        data = self.data(client) if callable(self.data) else self.data
        return int(client.post(self.address, data).status_code)


def page(least: str, name: str, *args: Any, data: Data | None = None) -> Action:
    return Action(least, reverse(f"admin:{name}", args=args), {} if data is None else data)


def of_list(least: str, model: str, action: str, row: Any) -> Action:
    """An action of a list, on one row."""
    data = {"action": action, "_selected_action": [str(row.pk)]}
    return page(least, f"{model}_changelist", data=data)


@pytest.fixture
def shop(settings: Any, tmp_path: Path) -> None:
    """A shop with something to do for each action: three generations, a broken photo, runs, two
    sources, of which one waits for a decision, and an imported file."""
    settings.IMPORT_ROOT, settings.UPLOADED_FEEDS = tmp_path, tmp_path / "uploads"
    for name in ("undone", "lacking"):
        (tmp_path / f"{name}.csv").write_text(SHOP.replace("lamp", f"lamp of {name}"))
        source = pull(add_source(name, str(tmp_path / f"{name}.csv")))
    (tmp_path / "lacking.csv").write_text("sku,title,price,in_stock\nsofa,Sofa,1.00,yes\n")
    pull(source)
    root = Client()
    root.force_login(User.objects.create_superuser("root"))
    press(root, address_of(upload(root, FEED, name="file.csv")), "import")
    work()
    add_products(range(12))
    rebuild(), rebuild(), rebuild(publish=False)
    image = add_product("bad", photo(40)).images.get()
    ImageFailure.objects.create(
        product_id=image.product_id, image_id=image.pk, content_hash=image.content_hash
    )
    ImageAddress.objects.create(address="https://shop.example/1.jpg", state="given up")
    IndexingRun.objects.create(kind="fetch", state="running")
    IndexingRun.objects.create(kind="rebuild", state="paused")
    Tag.objects.create(slug="oak", name="oak", state="proposed")
    register_encoder("other")
    create_key("Storefront", scopes=["search"], by="root")
    Event.objects.create(type="view", product_id=image.product_id, session=SESSION)
    adopted = start_experiment("blend", "looks", 7, "root")
    stop_experiment(adopted)
    adopt_ranking(adopted, "looks")
    start_experiment("looks", "taste", 7, "root")
    AuditEntry.objects.all().delete()


def actions_on_runs() -> list[Action]:
    fetch, rebuilding = (
        IndexingRun.objects.get(kind=k, finished_at=None) for k in ("fetch", "rebuild")
    )
    return [
        *(page("operator", "start_run", kind) for kind in ("refresh", "import", "fetch")),
        *(page("publisher", "start_run", kind) for kind in ("rebuild", "training")),
        *(page("operator", "run_step", fetch.pk, step) for step in ("pause", "cancel")),
        *(page("publisher", "run_step", rebuilding.pk, step) for step in ("resume", "cancel")),
        of_list("operator", "indexing_indexingrun", "pause", fetch),
        of_list("publisher", "indexing_indexingrun", "cancel", rebuilding),
    ]


def actions_on_the_index() -> list[Action]:
    run = IndexingRun.objects.filter(kind="rebuild", publish=False).get()
    failure, address = ImageFailure.objects.get(), ImageAddress.objects.get()
    assert run.generation is not None
    other = register_encoder("other").pk
    built = run.generation
    new_photo = lambda client: {"file": SimpleUploadedFile("new.png", photo(41, "PNG"))}  # noqa: E731
    return [
        *(page("publisher", f"generation_{step}", built.pk) for step in ("publish", "reject")),
        page("publisher", "generation_roll_back"),
        of_list("publisher", "catalog_generation", "publish", built),
        of_list("publisher", "catalog_generation", "roll_back", built),
        page("publisher", "adopt_encoder", other),
        of_list("operator", "indexing_imagefailure", "try_again", failure),
        page("operator", "try_all_photos_again"),
        page("operator", "replace_photo", failure.pk, data=new_photo),
        of_list("operator", "catalog_imageaddress", "fetch_again", address),
    ]


def actions_on_recommendations() -> list[Action]:
    ended, running = RankingExperiment.objects.order_by("pk")
    act = partial(page, "publisher", "experiment_step")
    return [
        page("operator", "recommended_to", data={"name": SESSION}),
        act(running.pk, "stop"),
        *(act(ended.pk, step) for step in ("adopt_first", "adopt_second", "undo")),
        page("publisher", "start_run", "recommendations"),
    ]


def actions_on_the_catalogue() -> list[Action]:
    sources = {source.name: source for source in Source.objects.all()}
    lacking, undone = sources["lacking"].pk, sources["undone"].pk
    imported = ProductImport.objects.filter(source=None).get()
    last = ProductImport.objects.filter(source=undone).get()
    tag, product = Tag.objects.get(slug="oak"), Product.objects.get(sku="bad")
    key = ApiKey.objects.get()
    return [
        *(of_list("operator", "catalog_tag", step, tag) for step in ("accept", "refuse")),
        *(of_list("operator", "catalog_source", step, sources["undone"]) for step in PULLS),
        page("operator", "source_hiding", lacking, data={"confirm": str(lacking)}),
        page("operator", "source_hiding", lacking, data={"discard": str(lacking)}),
        page("operator", "source_undo", undone, data={"undo": str(last.pk)}),
        page("operator", "import_undo", imported.pk, data={"undo": str(imported.pk)}),
        edit("operator", "catalog_product", product.pk, title="Lamp"),
        edit("publisher", "catalog_source", undone, cron="15 4 * * *"),
        page("publisher", "catalog_source_add", data=of_form("catalog_source_add")),
        of_list("publisher", "catalog_apikey", "revoke", key),
        page("publisher", "catalog_apikey_add", data={"name": "App", "scopes": ["search"]}),
    ]


def all_actions() -> list[Action]:
    return [
        *actions_on_runs(),
        *actions_on_the_index(),
        *actions_on_recommendations(),
        *actions_on_the_catalogue(),
    ]


PULLS = ("pull_now", "pull_everything")


def edit(least: str, model: str, pk: int, **values: str) -> Action:
    """A form of a row that is sent as it is shown, apart from some values."""

    def read(client: Client) -> dict[str, Any]:
        form = client.get(reverse(f"admin:{model}_change", args=[pk]))
        return {**shown(form), **values} if form.status_code == 200 else dict(values)

    return page(least, f"{model}_change", pk, data=read)


def of_form(name: str) -> Callable[[Client], dict[str, Any]]:
    """A form with a new value in every field."""

    def read(client: Client) -> dict[str, Any]:
        form = client.get(reverse(f"admin:{name}"))
        return filled(form) if form.status_code == 200 else {}

    return read


@contextmanager
def undone() -> Iterator[None]:
    with transaction.atomic():
        yield
        transaction.set_rollback(True)


def test_those_who_may_act_and_are_recorded(shop: None) -> None:
    people = {group: member(group) for group in GROUPS}
    root = Client()
    root.force_login(User.objects.get(username="root"))
    people["root"] = root
    order = [*GROUPS, "root"]
    problems = []
    for action in all_actions():
        for group, client in people.items():
            with undone():
                before, entries = rows_written(), AuditEntry.objects.count()
                status = action.send(client)
                changed = rows_written() > before
                recorded = AuditEntry.objects.count() - entries
                names = {entry.by for entry in AuditEntry.objects.order_by("-pk")[:recorded]}
            allowed = order.index(group) >= order.index(action.least)
            name = group if group == "root" else f"{group}-anna"
            wanted = (True, {name}) if allowed else (False, set())
            expected = {200, 302} if allowed else action.refusals
            if (changed, names) != wanted or status not in expected:
                problems.append((action.address, action.data, group, status, changed, names))
    assert problems == []


def test_operators_import_files_and_viewers_do_not(settings: Any, tmp_path: Path) -> None:
    settings.UPLOADED_FEEDS = tmp_path / "uploads"
    file = {"file": SimpleUploadedFile("new.csv", FEED.encode())}
    assert member("viewer").post(reverse("admin:import_file"), file).status_code == 403

    operator = member("operator")
    address = address_of(upload(operator, FEED.replace("lamp", "torch"), name="new.csv"))
    assert not AuditEntry.objects.exists()
    press(operator, address, "import")

    assert work().added == 2
    entries = AuditEntry.objects.values_list("by", "action", "detail")
    assert list(entries) == [("operator-anna", "import file", "new.csv")]
