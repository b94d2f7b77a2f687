"""Operators upload a file, look at the preview, and import it. Nothing is written before."""

import errno
import os
from pathlib import Path
from typing import Any

import pytest
from django.db import transaction
from django.test import Client
from django.urls import reverse

from catalog.importing.sources import uploaded_feeds
from catalog.models import Product, ProductImport
from config.web.upload_size import UPLOAD_PATH
from indexing.ledger.runs import cancel_run
from indexing.pipeline.sources.import_run import has_requests, plan_imports, start_imports
from indexing.pipeline.sources.uploaded_imports import NOTHING_NEW, tidy_uploads
from tests.catalog.importing.feeds import SAMPLES
from tests.console.file_imports.uploads import (
    FEED,
    address_of,
    operator,
    press,
    text_of,
    upload,
    work,
)

pytestmark = pytest.mark.usefixtures("empty_shop")
GONE = "This file is not kept any more"


@pytest.fixture(autouse=True)
def folder(settings: Any, tmp_path: Path) -> Path:
    settings.UPLOADED_FEEDS = tmp_path / "uploads"
    return settings.UPLOADED_FEEDS


@pytest.fixture
def anna() -> Client:
    return operator("anna", "operate", "view_productimport", "view_product")


def kept(folder: Path) -> list[str]:
    return sorted(os.listdir(folder)) if folder.exists() else []


def test_an_uploaded_file_is_shown_before_anything_is_written(anna: Client, folder: Path) -> None:
    page = upload(anna, FEED + "desk,Desk,free,\n")

    shown = text_of(page)
    for part in ("Preview of shop.csv", "csv", "utf-8", "Lamp", "10.00", "attribute colour"):
        assert part in shown
    assert "2 of the first 3 products are good, 1 would be refused." in shown
    assert "Line 4: " in shown
    assert not Product.objects.exists()
    assert not ProductImport.objects.exists()
    assert text_of(anna.get(address_of(page))).count("Lamp") == shown.count("Lamp")


def test_the_import_is_recorded_and_can_be_taken_back(anna: Client, folder: Path) -> None:
    address = address_of(upload(anna, FEED + "desk,Desk,free,\n"))

    assert folder.stat().st_mode & 0o077 == 0

    page = press(anna, address, "import")
    assert "It waits for the worker" in text_of(page)
    assert 'http-equiv="refresh"' in text_of(page)
    assert not Product.objects.exists()

    done = work()
    assert (done.name, done.started_by, done.state) == ("shop.csv", "anna", "succeeded")
    assert (done.added, done.refused) == (2, 1)
    assert kept(folder) == []
    page = anna.get(address_of(page))
    assert "2 products added" in text_of(page)
    assert "Refused lines as CSV" in text_of(page)
    assert 'http-equiv="refresh"' not in text_of(page)

    undo = reverse("admin:import_undo", args=[done.pk])
    assert undo in text_of(page)
    assert "Products that it added are deleted: 2" in text_of(anna.get(undo))
    assert Product.objects.count() == 2
    assert "It is being taken back." in text_of(anna.post(undo, {"undo": "1"}, follow=True))
    assert work().state == "undone"
    assert not Product.objects.exists()
    page = anna.get(reverse("admin:catalog_productimport_change", args=[done.pk]))
    assert "To have its changes again, import the file." in text_of(page)


def test_an_import_that_changes_nothing_says_so(anna: Client) -> None:
    for _ in range(2):
        page = press(anna, address_of(upload(anna, FEED)), "import")
        done = work()

    assert done.state == "succeeded"
    assert str(NOTHING_NEW) in text_of(anna.get(address_of(page)))


def test_a_second_press_and_a_reload_lead_to_the_same_import(anna: Client) -> None:
    address = address_of(upload(anna, FEED))

    first = press(anna, address, "import")
    again, reloaded = press(anna, address, "import"), anna.get(address, follow=True)

    assert address_of(first) == address_of(again) == address_of(reloaded)
    assert ProductImport.objects.count() == 1


def test_two_uploads_do_not_disturb_each_other(anna: Client, folder: Path) -> None:
    lamp, desk = upload(anna, FEED), upload(anna, "sku,title,price\ndesk,Desk,5\n", "desk.csv")
    assert len(kept(folder)) == 2

    press(anna, address_of(desk), "discard")
    assert len(kept(folder)) == 1
    press(anna, address_of(lamp), "import")
    work()

    assert sorted(Product.objects.values_list("sku", flat=True)) == ["lamp", "sofa"]


def test_an_upload_belongs_to_its_user_and_to_its_day(anna: Client, folder: Path) -> None:
    address = address_of(upload(anna, FEED))
    other = operator("boris", "operate", "view_productimport")

    assert GONE in text_of(other.get(address, follow=True))
    assert GONE in text_of(press(other, address, "import"))
    assert "Preview of" in text_of(anna.get(address))

    [token] = kept(folder)
    for path in (folder / token / "about.json", folder / token):
        os.utime(path, (0, 0))
    assert GONE in text_of(anna.get(address, follow=True))
    assert GONE in text_of(press(anna, address, "import"))
    tidy_uploads()
    assert kept(folder) == []
    assert GONE in text_of(anna.get(address, follow=True))


def test_a_file_that_waits_for_its_import_is_kept(anna: Client, folder: Path) -> None:
    press(anna, address_of(upload(anna, FEED)), "import")
    [token] = kept(folder)
    for path in (folder / token / "about.json", folder / token):
        os.utime(path, (0, 0))

    tidy_uploads()

    assert work().added == 2


def test_a_cancelled_import_ends_and_its_file_is_removed(anna: Client, folder: Path) -> None:
    page = press(anna, address_of(upload(anna, FEED)), "import")
    run = start_imports()
    with transaction.atomic():
        list(plan_imports(run))
    cancel_run(run)

    tidy_uploads()

    assert "It was cancelled or interrupted." in text_of(anna.get(address_of(page)))
    assert kept(folder) == []
    assert not has_requests()
    assert not Product.objects.exists()


def test_a_file_that_was_removed_ends_its_import_with_a_sentence(
    anna: Client, folder: Path
) -> None:
    page = press(anna, address_of(upload(anna, FEED)), "import")
    uploaded_feeds.remove_feed(kept(folder)[0])

    assert work().state == "failed"
    assert GONE in text_of(anna.get(address_of(page)))


@pytest.mark.parametrize("token", ["nonsense", "..", "a" * 32, "%00" * 32])
def test_an_unknown_token_gets_a_sentence(anna: Client, token: str) -> None:
    page = anna.get(f"{UPLOAD_PATH}{token}/", follow=True)

    assert page.status_code in (400, 404) or GONE in text_of(page)


def test_viewers_may_not_import() -> None:
    viewer = operator("vera", "view_source", "view_productimport", "view_product")

    assert upload(viewer, FEED).status_code == 403
    for model in ("productimport", "product"):
        page = viewer.get(reverse(f"admin:catalog_{model}_changelist"))
        assert UPLOAD_PATH not in text_of(page)


def test_the_lists_of_imports_and_products_lead_to_the_form(anna: Client) -> None:
    for model in ("productimport", "product"):
        page = anna.get(reverse(f"admin:catalog_{model}_changelist"))
        assert UPLOAD_PATH in text_of(page)
    assert reverse("admin:import_file") == UPLOAD_PATH


def test_the_form_needs_a_csrf_token(anna: Client) -> None:
    strict = Client(enforce_csrf_checks=True)
    strict.cookies = anna.cookies

    assert upload(strict, FEED).status_code == 403


def test_a_mapping_and_a_currency_are_used(anna: Client) -> None:
    mapping = '{"sku": "No", "title": "Name", "price": "VK"}'
    page = upload(anna, "No,Name,VK\n1,Lamp,5\n", mapping=mapping, currency="chf")
    assert "CHF" in text_of(page)

    press(anna, address_of(page), "import")
    work()

    assert Product.objects.values_list("sku", "title", "currency").get() == ("1", "Lamp", "CHF")


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"mapping": "{"}, "Enter a valid JSON"),
        ({"mapping": '{"title": "Name"}'}, "must be a JSON object with a"),
        ({"mapping": "[" * 100_000}, "Enter a valid JSON"),
        ({"currency": "dollars"}, "at most 3 characters"),
        ({"format": "xlsx"}, "Select a valid choice"),
    ],
)
def test_wrong_fields_get_a_sentence(
    anna: Client, folder: Path, fields: dict[str, str], sentence: str
) -> None:
    assert sentence in text_of(upload(anna, FEED, **fields))
    assert kept(folder) == []


def test_a_full_disk_gets_a_sentence(
    anna: Client, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fill(*args: Any, **options: Any) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "write_text", fill)
    assert "The file cannot be kept: No space left on device" in text_of(upload(anna, FEED))
    assert kept(folder) == []

    monkeypatch.setattr("django.http.multipartparser.MultiPartParser.parse", fill)
    assert "The file cannot be kept: No space left on device" in text_of(upload(anna, FEED))


def test_large_files_are_refused_with_the_limit(anna: Client, folder: Path, settings: Any) -> None:
    settings.REQUEST_MAX_BYTES = 1_000  # other pages take less
    settings.IMPORT_UPLOAD_BYTES = 1024**2
    assert "Preview of" in text_of(upload(anna, FEED + " \n" * 10_000))
    page = upload(anna, FEED + " \n" * 600_000)
    assert "Import files of at most 1 MB here." in text_of(page)
    page = upload(anna, FEED + " \n" * 2_000_000)
    assert page.status_code == 413
    assert "Import files of at most 1 MB here." in text_of(page)
    assert len(kept(folder)) == 1


def test_a_shopify_export_is_imported_with_its_variants(anna: Client) -> None:
    page = upload(anna, (SAMPLES / "shopify.csv").read_bytes(), "products_export.csv")
    assert "shopify" in text_of(page)

    press(anna, address_of(page), "import")

    assert work().added == Product.objects.count() > 0
