"""`evaluate FOLDER`: photos with a catalogue of their own are searched in a database of their
own."""

import json
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from catalog.models import Product
from catalog.quality.labelled_photos import PhotosError
from search.quality.photo_folders import read_photo_folder
from tests.indexing.conftest import empty_tables
from tests.indexing.shop import add_product, photo
from tests.search.colour_spotter import ColourSpotter
from tests.search.quality.photo_folder import (
    COLOURS,
    write_kinds_folder,
    write_lines,
    write_photo,
    write_products_folder,
)


@pytest.fixture
def shop(transactional_db: None, spotter: ColourSpotter, settings: Any, tmp_path: Path) -> None:
    """A shop with one product, which evaluations of folders leave as it is."""
    settings.DATA_DIR = tmp_path / "data"
    empty_tables()
    add_product("mine", photo("red", "PNG"))


def evaluate(folder: Path, *options: str) -> dict[str, Any]:
    output = StringIO()
    call_command("evaluate", str(folder), "--json", *options, stdout=output, verbosity=0)
    figures: dict[str, Any] = json.loads(output.getvalue())
    return figures


@pytest.mark.long
@pytest.mark.usefixtures("shop")
def test_a_folder_is_searched_among_its_own_products(tmp_path: Path) -> None:
    database = connection.settings_dict["NAME"]

    figures = evaluate(write_products_folder(tmp_path / "folder"))

    # Then the photos of dev were searched for, and found among the products of the folder.
    whole = figures["one object, whole photo"]
    assert whole["queries"] == 3
    assert whole["recall@1"] == 1
    assert figures["several photos of one object"]["queries"] == 1
    # And plain features find them too, since the photos are equal.
    assert whole["floor"] == {"recall@1": 1, "recall@5": 1, "recall@10": 1, "mrr": 1}
    assert whole["difference"]["recall@1"] == {"value": 0, "low": 0, "high": 0}
    # And the shop is as it was.
    assert connection.settings_dict["NAME"] == database
    assert [product.sku for product in Product.objects.all()] == ["mine"]
    assert list((tmp_path / "data").iterdir()) == []
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM pg_database WHERE datname = %s", [f"{database}_evaluate"]
        )
        assert cursor.fetchone() == (0,)


@pytest.mark.long
@pytest.mark.usefixtures("shop")
def test_a_folder_of_kinds_is_searched_among_its_train_photos(tmp_path: Path) -> None:
    figures = evaluate(write_kinds_folder(tmp_path / "folder"))

    # Then the red photo meets a warm one first. The magenta one, which is called cold, meets others
    # of its kind later.
    [row] = figures.values()
    assert list(figures) == ["same kind, whole photo"]
    assert (row["queries"], row["recall@1"], row["recall@5"]) == (2, 0.5, 1)
    assert (row["floor"]["recall@1"], row["floor"]["recall@5"]) == (0.5, 1)


@pytest.mark.usefixtures("shop")
def test_another_split_is_searched_if_it_is_named(tmp_path: Path) -> None:
    figures = evaluate(write_products_folder(tmp_path), "--split", "train", "--no-floor")

    assert figures["one object, whole photo"]["queries"] == 1
    assert figures["one object, whole photo"]["floor"] is None


@pytest.mark.usefixtures("shop")
def test_a_photo_of_an_unknown_product_stops_the_evaluation(tmp_path: Path) -> None:
    folder = write_products_folder(tmp_path)
    photos = [{"file": write_photo(folder, "1.png", "red"), "sku": "puce", "split": "dev"}]
    write_lines(folder / "photos.jsonl", photos)

    with pytest.raises(CommandError, match=r"names 1 products that are not in the .* 'puce'"):
        evaluate(folder)


def test_without_a_split_dev_all_photos_are_searched(tmp_path: Path) -> None:
    folder = write_products_folder(tmp_path)
    lines = (folder / "photos.jsonl").read_text()
    (folder / "photos.jsonl").write_text(lines.replace('"dev"', '"spring"'))

    assert len(read_photo_folder(folder).photos) == 4
    assert len(read_photo_folder(folder, "spring").photos) == 3


def test_bad_folders_are_explained(tmp_path: Path) -> None:
    products, kinds = tmp_path / "products", tmp_path / "kinds"
    write_products_folder(products)
    write_kinds_folder(kinds)
    (tmp_path / "empty").mkdir()

    for folder, split, reason in (
        (tmp_path / "empty", "", "has no photos.jsonl"),
        (products, "spring", "no photos of the split 'spring'. Its splits are: dev, train"),
        (kinds, "train", "'train' are the catalogue"),
    ):
        with pytest.raises(PhotosError, match=reason):
            read_photo_folder(folder, split)

    (products / "red-2.png").unlink()
    with pytest.raises(PhotosError, match=r"1 photos of .* are missing, such as .*red-2\.png"):
        read_photo_folder(products)
    write_lines(kinds / "photos.jsonl", [{"file": "dev/1.png", "kind": "warm", "split": "dev"}])
    with pytest.raises(
        PhotosError, match=r"no products\.jsonl, and no photos of the split 'train'"
    ):
        read_photo_folder(kinds)
    write_lines(kinds / "photos.jsonl", [{"file": "dev/1.png", "split": "dev"}])
    with pytest.raises(PhotosError, match="line 1: KeyError"):
        read_photo_folder(kinds)


def test_the_products_of_each_kind(tmp_path: Path) -> None:
    by_kind = read_photo_folder(write_kinds_folder(tmp_path)).skus_by_kind

    assert by_kind["warm"] == {"train/red.png", "train/magenta.png"}
    assert len(by_kind["cold"]) == len(COLOURS) - 2
