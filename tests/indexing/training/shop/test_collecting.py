"""What an encoder learns from: which products and photos of the catalogue are collected."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from django.core.files.storage import default_storage
from django.utils import timezone

from catalog.index.live_index import live_generation
from catalog.models import Category, Event, LoggedSearch, Product
from indexing.training.pictures.cutouts import read_image
from indexing.training.shop.clicked_photos import ClickedPhoto, read_clicked_photos
from indexing.training.shop.collecting import (
    CataloguePhoto,
    Collected,
    choose_lessons,
    collect,
    count_held_out,
)
from tests.indexing.shop import add_photo, add_product, add_products, photo, rebuild

pytestmark = pytest.mark.usefixtures("empty_shop")


def chosen_photos() -> list[CataloguePhoto]:
    """Returns the photos of all products, those set aside too."""
    live = live_generation()
    assert live is not None
    lessons = choose_lessons(live.encoder_id)
    assert not {photo.product_id for photo in lessons.photos} & set(lessons.held_out)
    return lessons.photos


def collect_into(folder: Path, clicks: Sequence[ClickedPhoto] = ()) -> Collected:
    return collect(chosen_photos(), clicks, folder, lambda: None)


def read_rows(file: Path) -> dict[str, dict]:
    rows = [json.loads(line) for line in file.read_text("utf-8").splitlines()]
    return {row["sku"]: row for row in rows}


def test_visible_products_are_collected_with_texts_and_scaled_photos(tmp_path: Path) -> None:
    chairs = Category.objects.create(slug="chairs", name="Chairs", name_ru="Стулья")
    products = [
        add_product(
            f"chair {number}",
            photo(number),
            photo(100 + number),
            title="",
            title_ru="Кресло",
            category=chairs,
            keywords=["oak"],
        )
        for number in range(9)
    ]
    add_product("hidden", photo(50), is_visible=False)
    rebuild()

    collected = collect_into(tmp_path)

    assert collected == Collected(products=6, photos=12, clicks=0, unreadable=0)
    rows = read_rows(tmp_path / "catalog.jsonl")
    assert len(rows) == 6
    assert rows.keys() < {str(product.pk) for product in products}
    for row in rows.values():
        assert (row["title"], row["title_ru"], row["category"]) == ("", "Кресло", "chairs")
        assert row["keywords"] == ["Chairs", "Стулья", "oak"]
        sizes = [read_image(tmp_path / image).size for image in row["images"]]
        assert sizes == [(64, 64), (64, 64)]


def test_photos_that_cannot_be_read_are_left_out(tmp_path: Path) -> None:
    products = add_products(range(12), photos_each=2)
    add_product("broken", b"nonsense")
    rebuild()
    [first, second, *_] = chosen_photos()
    # One file has gone since it was indexed, and another has changed.
    default_storage.delete(first.file)
    Path(default_storage.path(second.file)).write_bytes(b"nonsense")

    collected = collect_into(tmp_path)

    assert (collected.products, collected.photos, collected.unreadable) == (7, 14, 2)
    assert str(first.product_id) not in read_rows(tmp_path / "catalog.jsonl")
    assert len(products) == 12


def test_a_photo_of_several_products_shows_none_of_them() -> None:
    table_of_sizes = photo("grey")
    for product in add_products(range(12)):
        add_photo(product, table_of_sizes)
    rebuild()

    assert len(chosen_photos()) == 8


def test_a_third_of_few_and_a_fifth_of_many_products_are_set_aside() -> None:
    counts = {products: count_held_out(products) for products in (0, 12, 150, 400, 5000)}

    assert counts == {0: 0, 12: 4, 150: 50, 400: 100, 5000: 1000}


def test_an_interrupted_collection_goes_on(tmp_path: Path) -> None:
    add_products(range(12), photos_each=2)
    rebuild()
    collect_into(tmp_path)
    [kept, *others] = sorted((tmp_path / "images").iterdir())
    written = kept.stat().st_mtime_ns
    for path in others:
        path.unlink()

    assert collect_into(tmp_path).photos == 16

    assert kept.stat().st_mtime_ns == written


@pytest.fixture
def kept_search(settings: Any, tmp_path: Path) -> str:
    """The id of a logged search whose photo is kept."""
    settings.SEARCH_LOG_PHOTO_DAYS = 1
    settings.SEARCH_LOG_PHOTOS = tmp_path / "search_photos"
    settings.SEARCH_LOG_PHOTOS.mkdir()
    (settings.SEARCH_LOG_PHOTOS / "a1").write_bytes(photo(7))
    return "a1"


def click(query_id: str, product_id: int, kind: str = "photo") -> None:
    LoggedSearch.objects.create(
        query_id=query_id,
        kind=kind,
        generation_id=1,
        timings_ms={},
        filtered=False,
        sort="relevance",
        offset=0,
        products=[product_id],
        features=[{}],
        origin="shopper",
    )
    Event.objects.create(
        type="click", product_id=product_id, query_id=query_id, session="s", at=timezone.now()
    )


def test_clicks_are_collected_while_the_log_keeps_the_photo(
    kept_search: str, tmp_path: Path, settings: Any
) -> None:
    add_products(range(12))
    rebuild()
    clicked = chosen_photos()[0].product_id
    click(kept_search, clicked)
    click("b2", clicked)  # its photo has been deleted

    clicks = read_clicked_photos()
    collected = collect_into(tmp_path, clicks)

    assert [(each.query_id, each.product_id) for each in clicks] == [(kept_search, clicked)]
    assert collected.clicks == 1
    [row] = read_rows(tmp_path / "clicks.jsonl").values()
    assert row == {"file": f"images/search-{kept_search}.jpg", "sku": str(clicked)}
    assert (tmp_path / row["file"]).exists()

    settings.SEARCH_LOG_PHOTO_DAYS = 0
    assert read_clicked_photos() == []


def test_clicks_on_products_set_aside_are_not_learnt(kept_search: str, tmp_path: Path) -> None:
    add_products(range(12))
    rebuild()
    trained = {each.product_id for each in chosen_photos()}
    held_out = Product.objects.exclude(pk__in=trained).first()
    assert held_out is not None
    click(kept_search, held_out.pk)

    assert collect_into(tmp_path, read_clicked_photos()).clicks == 0
