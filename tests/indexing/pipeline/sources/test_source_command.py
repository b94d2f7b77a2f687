"""`index sources` adds, lists, pulls, undoes and removes sources."""

from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from catalog.models import Product, ProductImport, Source
from tests.catalog.importing.fetching.photo_server import PhotoServer
from tests.indexing.pipeline.sources.feeds import HEADER, SHOP, prices

pytestmark = pytest.mark.usefixtures("empty_shop")


def sources(*arguments: str) -> str:
    out = StringIO()
    call_command("index", "-v", "0", "sources", *arguments, stdout=out)
    return out.getvalue()


def test_a_source_is_added_pulled_listed_undone_and_removed(server: PhotoServer) -> None:
    assert "There is no source" in sources()
    url = server.put("/shop.csv", SHOP.encode())

    said = sources("add", url, "--name", "shop", "--cron", "15 4 * * *", "--currency", "usd")
    assert "The source shop is added." in said
    assert "shop: 3 products added, 0 changed, 0 hidden, 0 removed; 0 lines refused." in said
    source = Source.objects.get()
    assert (source.cron, source.currency, source.is_full) == ("15 4 * * *", "USD", True)
    assert source.next_at is not None
    assert (source.next_at.hour, source.next_at.minute) == (4, 15)

    listed = sources("list")
    assert url in listed
    assert "next pull: 20" in listed
    assert "shop: Unchanged since the last import." in sources("pull", "shop")
    assert "is taken back." in sources("undo", "shop")
    assert not Product.objects.exists()
    with pytest.raises(CommandError, match="is taken back already"):
        sources("undo", "shop")
    assert "3 products added" in sources("pull", "shop", "--all")
    assert "Its products stay" in sources("remove", "shop")
    assert (Source.objects.count(), Product.objects.count()) == (0, 3)
    assert ProductImport.objects.filter(source=None, name="shop").count() == 2


def test_hiding_is_confirmed_or_discarded(server: PhotoServer) -> None:
    url = server.put("/shop.csv", SHOP.encode())
    sources("add", url, "--name", "shop")
    server.put("/shop.csv", f"{HEADER}\nlamp,Lamp,10.00,yes\n".encode())
    assert "no longer has 2 of 3 products" in sources("pull")

    assert "nothing was changed" in sources("discard", "shop")
    with pytest.raises(CommandError, match="waits for a decision"):
        sources("confirm", "shop")
    assert "no longer has 2" in sources("pull", "shop", "--all")
    assert "2 hidden" in sources("confirm", "shop")

    assert prices() == {"lamp": "10.00"}


def test_the_refused_lines_are_written_to_a_file(server: PhotoServer, tmp_path: Path) -> None:
    url = server.put("/shop.csv", f"{HEADER}\n=cmd(),Lamp,cheap,yes\nsofa,Sofa,1,yes\n".encode())
    sources("add", url, "--name", "shop", "--partial", "--no-pull")

    said = sources("pull", "shop", "--report", str(tmp_path / "refused.csv"))

    assert "  line 2, =cmd(): price 'cheap'" in said
    assert "1 refused lines" in said
    header, line = (tmp_path / "refused.csv").read_text("utf-8-sig").splitlines()
    assert header == "line,sku,reason,result"
    assert line.startswith("2,'=cmd(),")


def test_a_report_that_cannot_be_written_ends_the_command_first(
    server: PhotoServer, tmp_path: Path
) -> None:
    sources("add", server.put("/shop.csv", SHOP.encode()), "--name", "shop", "--no-pull")

    with pytest.raises(CommandError, match="the report cannot be written: Is a directory"):
        sources("pull", "shop", "--report", str(tmp_path))

    assert not Product.objects.exists()


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("pull", "other"), "There is no source 'other'"),
        (("pull",), "no source that is enabled"),
        (("add", "http://127.0.0.1/a.csv"), "is not a public host"),
        (("add", "/etc/passwd"), "lies outside IMPORT_ROOT"),
        (("add", "a.csv", "--cron", "daily"), "is not a cron expression"),
        (("add", "a.csv"), "there is no such file"),
    ],
)
def test_what_cannot_be_done_is_a_sentence(
    server: PhotoServer, settings: Any, arguments: tuple[str, ...], sentence: str
) -> None:
    settings.IMPORT_ALLOWED_HOSTS = []

    with pytest.raises(CommandError) as refused:
        call_command("index", "-v", "0", "sources", *arguments, stdout=(out := StringIO()))

    assert sentence in f"{out.getvalue()} {refused.value}"
