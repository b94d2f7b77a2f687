"""Sources and imports in the console, by real requests."""

from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.contrib.messages import get_messages
from django.test import Client
from django.urls import reverse

from catalog.models import Product, ProductImport, Source
from indexing.models import IndexingRun
from indexing.pipeline.sources.import_run import start_imports
from indexing.pipeline.worker import work_on
from tests.catalog.importing.fetching.photo_server import PhotoServer
from tests.console.forms import errors_of, shown
from tests.indexing.pipeline.sources.conftest import AddFeed
from tests.indexing.pipeline.sources.feeds import HEADER, SHOP, last, prices, pull, send

pytestmark = pytest.mark.usefixtures("empty_shop", "_static_files_as_they_are")
LIST = "admin:catalog_source_changelist"


@pytest.fixture
def _static_files_as_they_are(settings: Any) -> None:
    static = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
    settings.STORAGES = {**settings.STORAGES, "staticfiles": static}


def said(response: Any) -> str:
    return " ".join(str(message) for message in get_messages(response.wsgi_request))


def work() -> None:
    assert work_on(start_imports()).state == "succeeded"


def act(client: Client, action: str, source: Source) -> Any:
    return client.post(reverse(LIST), {"action": action, "_selected_action": [source.pk]})


def page_of(name: str, source: Source) -> str:
    return reverse(f"admin:{name}", args=[source.pk])


def test_a_source_is_added_and_pulled(admin_client: Client, server: PhotoServer) -> None:
    add = reverse("admin:catalog_source_add")
    url = server.put("/shop.csv", SHOP.encode())
    form = {**shown(admin_client.get(add)), "name": "shop", "address": url, "cron": "5 4 * * *"}

    assert errors_of(admin_client.post(add, form)) == {}
    work()

    assert Product.objects.count() == 3
    source = Source.objects.get()
    page = admin_client.get(reverse("admin:catalog_source_change", args=[source.pk]))
    assert "3 products added" in page.content.decode()
    assert "3 products added" in admin_client.get(reverse(LIST)).content.decode()


@pytest.mark.parametrize(
    ("field", "value", "sentence"),
    [
        ("address", "http://10.0.0.7/a.csv", "is not a public host"),
        ("address", "../secret.csv", "lies outside IMPORT_ROOT"),
        ("mapping", '{"title": "Name"}', "must be a JSON object with a"),
        ("mapping", "{", "valid JSON"),
        ("cron", "daily", "cron expression of five fields"),
        ("currency", "1€", "three-letter code"),
    ],
)
def test_a_form_says_what_is_wrong(
    admin_client: Client, server: PhotoServer, field: str, value: str, sentence: str
) -> None:
    add = reverse("admin:catalog_source_add")
    form = {**shown(admin_client.get(add)), "name": "shop", "address": "a.csv", field: value}

    errors = errors_of(admin_client.post(add, form))

    assert sentence in errors[field][0]
    assert not Source.objects.exists()


def test_a_form_does_not_overwrite_what_a_pull_has_found(
    admin_client: Client, server: PhotoServer, feed: AddFeed, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = feed(SHOP)
    change = reverse("admin:catalog_source_change", args=[source.pk])
    form = {**shown(admin_client.get(change)), "name": "renamed"}
    Source.objects.update(etag='"7"')

    assert errors_of(admin_client.post(change, form)) == {}

    source.refresh_from_db()
    assert (source.name, source.etag) == ("renamed", '"7"')


def test_an_operator_pulls_now(admin_client: Client, server: PhotoServer, feed: AddFeed) -> None:
    source = feed(SHOP)
    server.put("/shop.csv", SHOP.replace("10.00", "11.00").encode())

    assert "is pulled within a minute" in said(act(admin_client, "pull_now", source))
    run = IndexingRun.objects.first()
    assert run is not None
    assert (run.kind, run.state) == ("import", "queued")
    work()

    assert prices()["lamp"] == "11.00"
    assert last(source).started_by == "admin"


def test_an_operator_confirms_hiding(
    admin_client: Client, server: PhotoServer, feed: AddFeed
) -> None:
    source = feed(SHOP)
    send(server, source, f"{HEADER}\nlamp,Lamp,10.00,yes\n")
    page = page_of("source_hiding", source)
    assert page in admin_client.get(page_of("catalog_source_change", source)).content.decode()

    assert "that the feed no longer has: 2" in admin_client.get(page).content.decode()
    admin_client.post(page, {"confirm": "1"})
    work()

    assert set(prices()) == {"lamp"}
    assert "waits for a decision" in said(admin_client.get(page))


def test_an_operator_discards(admin_client: Client, server: PhotoServer, feed: AddFeed) -> None:
    source = feed(SHOP)
    send(server, source, f"{HEADER}\nlamp,Lamp,10.00,yes\n")

    response = admin_client.post(page_of("source_hiding", source), {"discard": "1"})

    assert "nothing was changed" in said(response)
    assert last(source).state == "discarded"
    assert len(prices()) == 3


def test_an_import_is_undone_after_a_question(
    admin_client: Client, server: PhotoServer, feed: AddFeed
) -> None:
    source = feed(SHOP)
    send(server, source, SHOP.replace("10.00", "11.00") + "bed,Bed,1,yes\n")
    page = page_of("source_undo", source)

    question = admin_client.get(page).content.decode()
    assert "added are deleted: 1. Those that it changed become as they were: 1" in question
    assert prices()["lamp"] == "11.00"
    seen = last(source).pk
    assert f'name="undo" value="{seen}"' in question
    assert "is being taken back" in said(admin_client.post(page, {"undo": seen}))
    work()

    assert prices() == {"lamp": "10.00", "sofa": "20.00", "desk": "30.00"}
    assert "is taken back already" in said(admin_client.get(page))
    assert last(source).undone_by == "admin"


def test_an_undo_is_of_the_import_that_the_page_has_shown(
    admin_client: Client, server: PhotoServer, feed: AddFeed
) -> None:
    source = feed(SHOP)
    seen = last(source).pk
    send(server, source, SHOP.replace("10.00", "11.00"))

    response = admin_client.post(page_of("source_undo", source), {"undo": seen})

    assert "meanwhile import" in said(response)
    assert (last(source).state, prices()["lamp"]) == ("succeeded", "11.00")


def test_notes_of_an_import_are_kept(admin_client: Client, feed: AddFeed) -> None:
    long = "Lamp " * 200
    source = feed(f"{HEADER}\na,{long},1,yes\nb,Sofa,2,yes\nb,Sofa,=3,yes\nb,Bed,3,yes\n")
    done = last(source)

    page = admin_client.get(reverse("admin:catalog_productimport_change", args=[done.pk]))
    response: Any = admin_client.get(reverse("admin:import_report", args=[done.pk]))

    assert (done.refused, done.noted, source.result.endswith("1 lines refused, 2 noted.")) == (
        *(1, 2),
        True,
    )
    assert "line 2: title has 999 characters; it is cut to 500" in page.content.decode()
    lines = b"".join(response.streaming_content).decode("utf-8-sig").splitlines()
    assert [line.split(",")[0] + line[line.rindex(",") :] for line in lines[1:]] == [
        *("4,refused", "2,imported", "5,imported")
    ]


def test_refused_lines_are_downloaded_without_formulas(admin_client: Client, feed: AddFeed) -> None:
    hostile = "\n".join(f"{start}1+1,Thing,cheap,yes" for start in ("=", "+", "-", "@"))
    source = feed(f"{HEADER}\n{hostile}\n")
    imports = reverse("admin:catalog_productimport_changelist")
    report = reverse("admin:import_report", args=[last(source).pk])
    assert report in admin_client.get(imports).content.decode()

    response: Any = admin_client.get(report)

    assert response.headers["Content-Type"].startswith("text/csv")
    assert "attachment" in response.headers["Content-Disposition"]
    header, *lines = b"".join(response.streaming_content).decode("utf-8-sig").splitlines()
    assert header == "line,sku,reason,result"
    assert [line.split(",")[:2] for line in lines] == [
        ["2", "'=1+1"],
        ["3", "'+1+1"],
        ["4", "'-1+1"],
        ["5", "'@1+1"],
    ]


@pytest.mark.parametrize("right", ["view_source", "operate"])
def test_actions_need_the_right_to_operate(
    client: Client, server: PhotoServer, feed: AddFeed, right: str
) -> None:
    source = feed(SHOP)
    user = User.objects.create_user("anna", is_staff=True)
    for name in {"view_source", "view_productimport", right}:
        user.user_permissions.add(Permission.objects.get(codename=name))
    client.force_login(user)

    response = client.post(page_of("source_undo", source), {"undo": last(source).pk})
    act(client, "pull_now", source)

    may = right == "operate"
    assert response.status_code == (302 if may else 403)
    assert (last(source).state == ProductImport.State.UNDOING) is may
    assert bool(Source.objects.get().requested_by) is may
    assert pull(source) is not None
