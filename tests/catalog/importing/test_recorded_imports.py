"""`import_products` reads addresses too, remembers its imports, and takes the last one back."""

from collections.abc import Iterator
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from catalog.importing.history.recorded_imports import begin_import
from catalog.models import ImportedRow, Product, ProductImport
from tests.catalog.importing.fetching.photo_server import PhotoServer

pytestmark = pytest.mark.usefixtures("empty_catalogue")
SHOP = "sku,title,price\nlamp,Lamp,10\nsofa,Sofa,20\n"


@pytest.fixture
def server(settings: Any) -> Iterator[PhotoServer]:
    with PhotoServer().running() as server:
        settings.IMPORT_ALLOWED_HOSTS = [server.host]
        yield server


def run(*arguments: str) -> str:
    out = StringIO()
    call_command("import_products", *arguments, verbosity=0, stdout=out, stderr=out)
    return out.getvalue()


def last() -> ProductImport:
    found = ProductImport.objects.first()
    assert found is not None
    return found


def test_an_import_of_a_file_is_remembered_and_taken_back(tmp_path: Path) -> None:
    path = tmp_path / "shop.csv"
    path.write_text(SHOP)
    run(str(path))
    path.write_text(SHOP.replace("10", "11") + "desk,Desk,30\n")
    run(str(path))

    done = last()
    assert (done.source, done.name, done.added, done.changed) == (None, str(path), 1, 1)
    assert done.started_by.endswith("(import_products)")
    assert "is taken back" in run("--undo")

    stored = Product.objects.order_by("sku").values_list("sku", "price")
    assert [(sku, int(price)) for sku, price in stored] == [("lamp", 10), ("sofa", 20)]
    with pytest.raises(CommandError, match="taken back already"):
        run("--undo")


def test_an_import_that_changes_nothing_leaves_no_trace(tmp_path: Path) -> None:
    path = tmp_path / "shop.csv"
    path.write_text(SHOP)
    run(str(path))

    run(str(path))

    assert ProductImport.objects.count() == 1
    assert ImportedRow.objects.count() == 2


def test_an_address_is_imported_and_shown(server: PhotoServer) -> None:
    url = server.put("/feeds/shop.csv?key=1", SHOP.encode())

    assert "2 of the first 2 products are good" in run(url, "--dry-run")
    assert not Product.objects.exists()
    assert "2 products written" in run(url)
    assert last().name == url


@pytest.mark.parametrize(
    "address", ["http://127.0.0.1/shop.csv", "http://169.254.169.254/", "http://[::1]:8000/"]
)
def test_a_private_address_is_refused(address: str) -> None:
    with pytest.raises(CommandError, match=r"is not a public host|is not allowed"):
        run(address)


def test_a_report_that_cannot_be_written_ends_the_import_first(tmp_path: Path) -> None:
    (tmp_path / "shop.csv").write_text(SHOP)

    with pytest.raises(CommandError, match="the report cannot be written: No such file"):
        run(str(tmp_path / "shop.csv"), "--report", str(tmp_path / "missing" / "refused.csv"))

    assert not Product.objects.exists()


def test_a_user_without_a_name_imports(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("LOGNAME", "USER", "LNAME", "USERNAME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("os.getuid", lambda: 54321)
    (tmp_path / "shop.csv").write_text(SHOP)

    run(str(tmp_path / "shop.csv"))

    assert last().started_by == "user 54321 (import_products)"


def test_refused_lines_are_written_to_a_file(tmp_path: Path) -> None:
    (tmp_path / "shop.csv").write_text(SHOP + "=1+1,Bed,cheap\n")

    with pytest.raises(CommandError, match="Some products were refused"):
        run(str(tmp_path / "shop.csv"), "--report", str(tmp_path / "refused.csv"))

    lines = (tmp_path / "refused.csv").read_text("utf-8-sig").splitlines()
    assert lines[1].startswith("4,'=1+1,")
    assert last().refusedline_set.get().sku == "=1+1"


def test_a_failed_import_is_remembered_and_taken_back(tmp_path: Path) -> None:
    (tmp_path / "shop.csv").write_text(SHOP + 'desk,"De')

    with pytest.raises(CommandError, match="ends in the middle"):
        run(str(tmp_path / "shop.csv"))

    assert (last().state, last().added) == ("failed", 2)
    run("--undo")
    assert not Product.objects.exists()


def test_an_import_whose_process_was_killed_is_settled(tmp_path: Path) -> None:
    killed = begin_import("killed.csv")

    with pytest.raises(CommandError, match="no import to take back"):
        run("--undo")

    killed.refresh_from_db()
    assert (killed.state, "interrupted" in killed.error) == ("failed", True)
