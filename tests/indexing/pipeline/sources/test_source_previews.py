"""Operators look at the feed of a source, saved or not, before it is pulled."""

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from catalog.importing.sources import feed_starts
from catalog.models import Product, ProductImport, Source
from indexing.pipeline.sources.import_run import start_imports
from indexing.pipeline.sources.source_actions import add_source
from indexing.pipeline.worker import work_on
from tests.catalog.importing.fetching.photo_server import PhotoServer
from tests.console.file_imports.uploads import operator, text_of
from tests.console.forms import shown
from tests.indexing.pipeline.sources.feeds import SHOP

pytestmark = pytest.mark.usefixtures("empty_shop", "_static_files_as_they_are")
NEW = "admin:source_preview_new"


@pytest.fixture(autouse=True)
def _static_files_as_they_are(settings: Any) -> None:
    static = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
    settings.STORAGES = {**settings.STORAGES, "staticfiles": static}


@pytest.fixture
def anna() -> Client:
    return operator("anna", "view_source", "change_source", "operate", "view_product")


@pytest.fixture
def source(server: PhotoServer) -> Source:
    return add_source("shop", server.put("/shop.csv", SHOP.encode()))


def preview(client: Client, source: Source, **changed: Any) -> str:
    """Presses the button on the page of a source, with some fields changed."""
    form = shown(client.get(reverse("admin:catalog_source_change", args=[source.pk])))
    address = reverse("admin:source_preview", args=[source.pk])
    page = client.post(address, {**form, **changed})
    assert page.status_code == 200
    return text_of(page)


def test_a_source_is_shown_and_then_pulled(anna: Client, source: Source) -> None:
    page = preview(anna, source)

    assert "3 of the first 3 products are good, 0 would be refused. Nothing was written." in page
    assert "Sofa" in page
    assert "Pull now" in page
    assert not Product.objects.exists()
    assert not ProductImport.objects.exists()

    pull = {"action": "pull_now", "_selected_action": str(source.pk)}
    assert 'name="_selected_action"' in page
    assert anna.post(reverse("admin:catalog_source_changelist"), pull).status_code == 302
    work_on(start_imports())
    assert Product.objects.count() == 3


def test_changes_that_are_not_saved_are_shown_and_not_pulled(
    anna: Client, source: Source, server: PhotoServer
) -> None:
    server.put("/shop.csv", b"No,Name,VK\n1,Lamp,5\n")
    assert "the format is not known" in preview(anna, source)

    mapping = '{"sku": "No", "title": "Name", "price": "VK"}'
    page = preview(anna, source, mapping=mapping, currency="chf")

    assert "CHF" in page
    assert "not saved yet" in page
    assert "Pull now" not in page
    source.refresh_from_db()
    assert (source.mapping, source.currency) == ({}, "")


def test_a_new_source_is_shown_before_it_is_added(anna: Client, server: PhotoServer) -> None:
    url = server.put("/new.csv", SHOP.encode())

    page = text_of(anna.post(reverse(NEW), {"address": url, "is_full": "on", "mapping": "{}"}))

    assert "Preview of a new source" in page
    assert "Lamp" in page
    assert "Pull now" not in page
    assert not Source.objects.exists()


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({}, "Address or file: This field is required."),
        ({"address": "http://169.254.169.254/feed"}, "cannot be fetched"),
        ({"address": "../../etc/passwd"}, "lies outside IMPORT_ROOT"),
        ({"address": "missing.csv"}, "there is no such file"),
        ({"address": "a.csv", "mapping": "{"}, "Mapping: "),
    ],
)
def test_what_cannot_be_read_gets_a_sentence(
    anna: Client, server: PhotoServer, fields: dict[str, str], sentence: str
) -> None:
    page = anna.post(reverse(NEW), fields)

    assert page.status_code == 200
    assert sentence in text_of(page)


def test_a_server_that_fails_or_is_slow_gets_a_sentence(
    anna: Client, source: Source, server: PhotoServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.put("/shop.csv", b"", status=500)
    assert "The server answered with the status 500." in preview(anna, source)

    monkeypatch.setattr(feed_starts, "TIME_LIMIT_S", 0.3)
    server.put_slow("/shop.csv", SHOP.encode(), delay_s=1.0)
    assert "The server took more than 0.3 s." in preview(anna, source)


def test_only_the_beginning_of_a_large_feed_is_fetched(
    anna: Client, source: Source, server: PhotoServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(feed_starts, "START_BYTES", 100_000)
    rows = (f"sku{n},Лампа {n},{n}\n" for n in range(1, 200_000))
    server.put("/shop.csv", ("sku,title,price\n" + "".join(rows)).encode())

    page = preview(anna, source)

    assert "Only the beginning of the feed was fetched." in page
    assert "1,000 of the first 1,000 products are good" in page
    assert "utf-8" in page


@pytest.mark.parametrize("tail", [b"", b"\nhalf,Ha"])
def test_a_feed_that_is_cut_for_the_preview_is_not_called_cut_off(
    anna: Client, source: Source, server: PhotoServer, monkeypatch: Any, tail: bytes
) -> None:
    monkeypatch.setattr(feed_starts, "START_BYTES", 1)
    offers = "".join(
        f"<item><id>{n}</id><title>Lamp</title><price>5 EUR</price></item>" for n in range(5_000)
    )
    server.put("/shop.csv", f"<rss><channel>{offers}</channel></rss>".encode() + tail)

    page = preview(anna, source)

    assert "0 would be refused. The file has more." in page


def test_viewers_may_not_preview(server: PhotoServer, source: Source) -> None:
    viewer = operator("vera", "view_source")
    change = reverse("admin:catalog_source_change", args=[source.pk])

    assert "../preview/" not in text_of(viewer.get(change))
    for address in (reverse("admin:source_preview", args=[source.pk]), reverse(NEW)):
        assert viewer.post(address, {}).status_code == 403
        assert viewer.get(address).status_code == 403


def test_the_pages_of_sources_have_the_button(anna: Client, source: Source) -> None:
    admin = operator("boris", "view_source", "add_source", "change_source", "operate")
    add = reverse("admin:catalog_source_add")
    change = reverse("admin:catalog_source_change", args=[source.pk])

    assert 'formaction="../preview/"' in text_of(anna.get(change))
    assert 'formaction="../preview/"' in text_of(admin.get(add))
    for address in (reverse(NEW), reverse("admin:source_preview", args=[source.pk])):
        assert admin.get(address).status_code == 302
