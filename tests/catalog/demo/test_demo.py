"""The demo data: complete, in both languages, and loaded by one command."""

import json
from collections import Counter
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.db.models import Count
from PIL import Image

from catalog.demo.load import CATALOG, FOLDER, VOCABULARY, load_demo, load_vocabulary
from catalog.models import Category, Product, ProductChange, ProductImage, Tag


def read_lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


@pytest.mark.usefixtures("empty_catalogue")
def test_the_demo_is_complete_and_in_both_languages() -> None:
    loaded: list[int] = []

    report = load_demo(loaded.append)

    assert (report.written, report.errors, sum(loaded)) == (722, [], 722)
    assert Product.objects.count() == ProductChange.objects.count() == 722
    assert ProductImage.objects.count() == 1444
    assert set(Product.objects.annotate(n=Count("images")).values_list("n", flat=True)) == {2}
    assert Tag.objects.accepted().count() == 240
    for with_names in (Product.objects.all(), Category.objects.all(), Tag.objects.accepted()):
        assert not with_names.filter(**{_name_field(with_names): ""}).exists()
        assert not with_names.filter(**{f"{_name_field(with_names)}_ru": ""}).exists()
    # The words of the catalogue that the vocabulary lacks are proposed.
    kitchen = Tag.objects.proposed().get(slug="kitchen")
    assert (kitchen.name_ru, kitchen.products) == ("Кухня", 112)
    assert report.proposed == Tag.objects.proposed().count()
    assert Category.objects.get(name="Bedroom").name_ru == "Спальня"
    assert Product.objects.filter(attributes__has_keys=["license", "author"]).count() == 722


@pytest.mark.usefixtures("empty_catalogue")
def test_an_interrupted_load_leaves_an_empty_catalogue() -> None:
    loaded: list[int] = []

    def interrupt(count: int) -> None:
        loaded.append(count)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        load_demo(interrupt)

    assert 0 < loaded[0] < 722
    assert not Product.objects.exists()
    assert not Tag.objects.exists()


def _name_field(rows: Any) -> str:
    return "title" if rows.model is Product else "name"


@pytest.mark.usefixtures("empty_catalogue")
def test_the_command_loads_only_into_an_empty_catalogue() -> None:
    output = StringIO()
    call_command("load_demo", verbosity=0, stdout=output)
    assert "722 demo products" in output.getvalue()
    Product.objects.filter(sku="blends-bed1").update(title="Ours")

    output = StringIO()
    call_command("load_demo", verbosity=0, stdout=output)
    assert "nothing was loaded" in output.getvalue()
    assert Product.objects.get(sku="blends-bed1").title == "Ours"

    call_command("load_demo", "--force", verbosity=0, stdout=StringIO())
    assert Product.objects.get(sku="blends-bed1").title == "Bed"
    assert Product.objects.count() == 722


@pytest.mark.usefixtures("empty_catalogue")
def test_loading_a_vocabulary_renames_tags_and_keeps_them_refused(tmp_path: Path) -> None:
    Tag.objects.create(slug="lamp", name="Light", state=Tag.State.REFUSED)
    Tag.objects.create(slug="ours", name="ours")
    Tag.objects.create(slug="sofa", name="Sofas", state=Tag.State.PROPOSED)
    file = tmp_path / "words.jsonl"
    file.write_text(
        '{"slug": "lamp", "name": "lamp", "name_ru": "лампа"}\n\n'
        '{"slug": "sofa", "name": "sofa", "name_ru": "диван"}\n',
        encoding="utf-8",
    )

    assert load_vocabulary(file) == 2

    assert list(Tag.objects.values_list("slug", "name", "name_ru", "state")) == [
        ("lamp", "lamp", "лампа", "refused"),
        ("ours", "ours", "", "accepted"),
        ("sofa", "sofa", "диван", "accepted"),
    ]


def test_every_word_of_the_vocabulary_is_unique() -> None:
    words = read_lines(VOCABULARY)

    assert len(words) == 240
    for name in ("slug", "name", "name_ru"):
        values = [word[name] for word in words]
        assert len(set(values)) == len(values)
        assert all(value and value == value.strip().lower() for value in values)
    assert all(word["slug"].isascii() and word["name"].isascii() for word in words)
    assert all(any("а" <= letter <= "я" for letter in word["name_ru"]) for word in words)


def test_the_photos_match_the_catalogue() -> None:
    skus = {product["sku"] for product in read_lines(CATALOG)}
    photos = read_lines(FOLDER / "photos.jsonl")

    assert Counter(photo["scene"] for photo in photos) == {False: 36, True: 24}
    files = {photo["file"] for photo in photos}
    assert files == {f"photos/{path.name}" for path in (FOLDER / "photos").iterdir()}
    assert len(files) == 60
    for photo in photos:
        assert {photo["sku"], *(other["sku"] for other in photo["others"])} <= skus
        with Image.open(FOLDER / photo["file"]) as image:
            assert image.format == "JPEG"


def test_every_product_is_attributed_to_its_author_under_its_licence() -> None:
    attributed, heading = set(), ""
    for line in (FOLDER / "ATTRIBUTION.md").read_text(encoding="utf-8").splitlines():
        if line.startswith("## "):
            heading = line.removeprefix("## ")
        elif line.startswith("- `"):
            attributed.add((heading, line.split("`")[1]))

    wanted = {(f"{p['author']}, {p['license']}", p["sku"]) for p in read_lines(CATALOG)}
    assert attributed == wanted
