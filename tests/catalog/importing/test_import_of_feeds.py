"""Feeds reach the catalogue, their faults the report, and a dry run shows both without writing."""

import json
import os
import subprocess
import sys
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from catalog.importing.dry_run import preview_file
from catalog.importing.errors import FeedCutOff, ImportFailed
from catalog.importing.files import import_file
from catalog.importing.formats.column_mapping import read_mapping
from catalog.models import Product, Variant
from tests.catalog.importing.feeds import SAMPLES, WriteFeed


@pytest.mark.usefixtures("empty_catalogue")
def test_a_table_is_imported_with_its_photos(folder: Path) -> None:
    file = folder / "products.csv"
    file.write_text(
        "sku;title;category;price;images;colour\nA;Lamp;Light > Lamps;9,50 €;red.png;red\n"
    )

    report = import_file(file)

    assert (report.written, report.errors, report.notes) == (1, [], [])
    lamp = Product.objects.get()
    assert (lamp.title, str(lamp.price), lamp.currency) == ("Lamp", "9.50", "EUR")
    assert (str(lamp.category), lamp.attributes) == ("Lamps", {"colour": "red"})
    assert lamp.images.count() == 1


@pytest.mark.usefixtures("empty_catalogue")
def test_of_equal_ids_the_last_one_counts_and_is_reported(write_feed: WriteFeed) -> None:
    report = import_file(write_feed("sku,title\nA,First\nB,Other\nA,Last\n"), batch_size=1)

    assert Product.objects.get(sku="A").title == "Last"
    assert report.notes == [(4, "sku 'A' is in the file again; this line counts")]
    assert report.errors == []


@pytest.mark.usefixtures("empty_catalogue")
def test_the_products_before_a_cut_are_written_and_the_cut_is_told(write_feed: WriteFeed) -> None:
    text = (SAMPLES / "yml.xml").read_text()
    path = write_feed(text[: text.index('<offer id="T-43"') + 30])

    with pytest.raises(FeedCutOff, match="2 products before this are written"):
        import_file(path)

    assert set(Product.objects.values_list("sku", flat=True)) == {"9012", "700"}
    assert Variant.objects.get().sku == "T-42"


@pytest.mark.usefixtures("empty_catalogue")
def test_a_cut_deletes_no_variant(write_feed: WriteFeed) -> None:
    whole = (SAMPLES / "yml.xml").read_text()
    import_file(write_feed(whole))

    with pytest.raises(FeedCutOff):
        import_file(write_feed(whole[: whole.index('<offer id="T-43"') + 30]))

    assert set(Variant.objects.values_list("sku", flat=True)) == {"T-42", "T-43"}


def test_a_dry_run_shows_products_and_columns_and_writes_nothing() -> None:
    # Without a database: a query would fail the test.
    out, err = StringIO(), StringIO()

    call_command(
        "import_products", str(SAMPLES / "shopify.csv"), dry_run=True, stdout=out, stderr=err
    )

    lines = out.getvalue().splitlines()
    assert lines[0] == "Format: shopify (utf-8)"
    assert "  understood: Vendor as brand" in lines
    assert "  ignored: Gift Card" in lines
    assert "line 4: TS-S-B" in lines
    assert "  options: Size: S, Color: Blue" in lines
    assert (
        lines[-1] == "5 of the first 5 products are good, 0 would be refused. Nothing was written."
    )


def test_a_dry_run_shows_what_would_be_refused_and_where_the_file_ends(
    write_feed: WriteFeed,
) -> None:
    preview = preview_file(write_feed('sku,title,price\n,Lamp,5\nA,Chair,x\nB,Table,5\nC,"Cu'))

    assert [reason.partition(" '")[0] for _, reason in preview.errors] == [
        "sku is missing",
        "price",
    ]
    assert [product.record.sku for product in preview.products] == ["B"]
    assert "ends in the middle" in preview.failure


def test_a_dry_run_takes_a_mapping_and_a_currency(write_feed: WriteFeed, tmp_path: Path) -> None:
    mapping = tmp_path / "mapping.json"
    mapping.write_text(json.dumps({"sku": "No", "price": "Cost"}))
    out = StringIO()

    call_command(
        "import_products",
        str(write_feed("No,Cost,Other\n7,5.50,x\n")),
        mapping=mapping,
        currency="usd",
        dry_run=True,
        stdout=out,
    )

    assert "  currency: USD" in out.getvalue()
    assert "  ignored: Other" in out.getvalue()


def test_a_dry_run_of_a_broken_file_ends_with_its_sentence(write_feed: WriteFeed) -> None:
    with pytest.raises(CommandError, match="the file is empty"):
        call_command("import_products", str(write_feed("")), dry_run=True)


@pytest.mark.parametrize(
    ("mapping", "sentence"),
    [
        ("{", "not valid JSON"),
        ("[]", 'must be a JSON object with a "sku"'),
        ('{"title": "Name"}', 'must be a JSON object with a "sku"'),
        ('{"sku": 7}', '"sku" must be the name of a column'),
        ('{"sku": "No", "options": ["Size"]}', '"options" must be'),
        ('{"sku": "Missing"}', "has no column 'Missing'"),
    ],
)
def test_a_wrong_mapping_is_refused(
    write_feed: WriteFeed, tmp_path: Path, mapping: str, sentence: str
) -> None:
    path = tmp_path / "mapping.json"
    path.write_text(mapping)

    with pytest.raises(ImportFailed, match=sentence):
        preview_file(write_feed("No,Name\n1,Lamp\n"), mapping=path)


def test_a_mapping_may_split_a_category_at_another_separator(
    write_feed: WriteFeed, tmp_path: Path
) -> None:
    path = tmp_path / "mapping.json"
    path.write_text('{"sku": "No", "category": {"column": "Path", "separator": "/"}}')
    assert read_mapping(path).separators == {"category": "/"}

    (product,) = preview_file(write_feed("No,Path\n1,A/B > C\n"), mapping=path).products

    assert product.record.category == ("A", "B › C")


def test_a_mapping_gives_attributes_of_several_columns_or_of_one_value(
    write_feed: WriteFeed, tmp_path: Path
) -> None:
    path = tmp_path / "mapping.json"
    path.write_text('{"sku": "No", "colours": ["C1", "C2"], "supplier": {"value": "Nordwood"}}')

    (product,) = preview_file(write_feed("No,C1,C2\n1,red,blue\n"), mapping=path).products

    assert product.record.attributes == {"colours": ["red", "blue"], "supplier": "Nordwood"}


MEASURE = """
import django, resource, sys
from pathlib import Path
django.setup()
from catalog.importing.formats.opening import open_feed
def peak_mb(path, items):
    item = "<item><id>{n}</id><title>Lamp {n}</title><description>%s</description></item>"
    with path.open("w") as file:
        file.write("<rss><channel>")
        file.writelines(item.format(n=n) % ("word " * 100) for n in range(items))
        file.write("</channel></rss>")
    assert sum(1 for _ in open_feed(path).rows()) == items
    path.unlink()
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
path = Path(sys.argv[1])
print(peak_mb(path, 3_500), peak_mb(path, 35_000))  # 2 MB and 20 MB
"""


def test_ten_times_the_xml_takes_no_more_memory(tmp_path: Path) -> None:
    measured = subprocess.run(
        [sys.executable, "-c", MEASURE, str(tmp_path / "feed.xml")],
        env={**os.environ, "DJANGO_SETTINGS_MODULE": "config.settings"},
        capture_output=True,
        text=True,
        check=True,
    )

    small, large = map(float, measured.stdout.split())
    assert large - small < 8
