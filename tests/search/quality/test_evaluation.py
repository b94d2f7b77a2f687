"""`evaluate` searches with every kind of query and counts the right results."""

import json
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command

from catalog.index.vocabulary import read_vocabulary
from catalog.models import Product, Tag
from catalog.quality.labelled_photos import LabelledPhoto
from search.photo_search import search
from search.quality.evaluation import evaluate_catalogue, evaluate_photos, find_tags_of_product
from search.quality.figures import Outcome, TagCounts, summarise
from search.request import SearchRequest
from search.serving.deadline import Overloaded
from tests.search.colour_spotter import ColourSpotter, fill_shop, png, scene


@pytest.fixture
def labelled(db: None, spotter: ColourSpotter, tmp_path: Path) -> list[LabelledPhoto]:
    """A shop with a product of each colour, two photos of the red one and a scene with the blue
    one."""
    fill_shop(spotter)
    pictures = {
        "red-1": scene(("red", (20, 60, 140, 180))),
        "red-2": scene(("red", (100, 20, 300, 220))),
        "blue-1": scene(("blue", (20, 60, 140, 180)), ("lime", (180, 60, 300, 180))),
    }
    photos = []
    for name, picture in pictures.items():
        path = tmp_path / f"{name}.png"
        path.write_bytes(png(picture))
        box = (20 / 320, 60 / 240, 120 / 320, 120 / 240) if name != "red-2" else None
        photos.append(LabelledPhoto(path, name.split("-")[0], name.startswith("blue"), box))
    return photos


def test_photos_are_searched_whole_with_their_box_and_together(
    labelled: list[LabelledPhoto],
) -> None:
    figures = summarise(evaluate_photos(labelled))

    counts = {kind: row["queries"] for kind, row in figures.items()}
    assert counts == {
        "one object, whole photo": 2,
        "one object, with box": 1,
        "scene, whole photo": 1,
        "scene, with box": 1,
        "several photos of one object": 1,
    }
    assert figures["one object, with box"]["recall@1"] == 1
    assert figures["scene, with box"]["recall@1"] == 1
    assert figures["several photos of one object"]["recall@1"] == 1
    assert figures["scene, whole photo"]["objects_mean"] == 2
    assert figures["scene, with box"]["objects_mean"] is None


def test_the_time_limit_of_searches_does_not_end_an_evaluation(
    labelled: list[LabelledPhoto], settings: Any
) -> None:
    settings.SEARCH_TIME_LIMIT_S = 0

    assert summarise(evaluate_photos(labelled))["one object, with box"]["queries"] == 1
    with pytest.raises(Overloaded):
        search(SearchRequest(text="red"))


def test_products_are_searched_by_their_own_photos_and_titles(
    labelled: list[LabelledPhoto],
) -> None:
    Product.objects.filter(sku__in=["red", "blue"]).update(title="Ball", title_ru="Мяч")

    outcomes = evaluate_catalogue()

    figures = summarise(outcomes)
    products = Product.objects.count()
    assert figures["catalogue image"]["queries"] == products
    assert figures["catalogue image"]["recall@1"] == 1
    # Each title is one query. Any product with that title is right.
    assert figures["English title"]["queries"] == products - 1
    assert figures["English title"]["recall@5"] == 1
    assert figures["Russian title"]["queries"] == 1
    assert figures["English title, by looks"]["queries"] == products - 1


def test_tags_are_right_if_the_product_text_names_them() -> None:
    outcomes = [
        Outcome("photo", 1, 1.0, tagged=True),
        Outcome("photo", 1, 1.0, tagged=False),
        Outcome("photo", 1, 1.0, tagged=None),  # its text names no tag
    ]

    assert summarise(outcomes)["photo"]["tagged@3"] == 0.5


def test_tags_are_counted_that_are_given_right_or_missing() -> None:
    outcomes = [
        Outcome("photo", 1, 1.0, tags=TagCounts(given=2, right=1, wanted=3)),
        Outcome("photo", 1, 1.0, tags=TagCounts(given=2, right=2, wanted=2)),
        Outcome("photo", 1, 1.0, tags=TagCounts(given=0, right=0, wanted=1)),
        Outcome("photo", 1, 1.0),  # the right tags are not known
    ]

    figures = summarise(outcomes)["photo"]

    assert (figures["tags_given"], figures["tags_right"], figures["tags_found"]) == (4, 0.75, 0.5)


def test_the_right_tags_of_a_photo_are_those_of_its_product(
    labelled: list[LabelledPhoto],
) -> None:
    tags = [Tag.objects.create(slug=name, name=name) for name in ("ball", "toy", "chair")]
    Product.objects.filter(sku="red").update(title="Red ball", keywords=["toys"])

    right = find_tags_of_product("red", read_vocabulary())

    assert right == {tags[0].pk, tags[1].pk}
    assert find_tags_of_product("unknown", read_vocabulary()) == set()


@pytest.mark.long
def test_the_command_prints_figures_of_every_kind(
    labelled: list[LabelledPhoto], tmp_path: Path
) -> None:
    lines = [json.dumps({"file": photo.path.name, "sku": photo.sku}) for photo in labelled]
    (tmp_path / "list.jsonl").write_text("\n".join(lines))
    output = StringIO()

    call_command(
        "evaluate",
        str(tmp_path / "list.jsonl"),
        "--catalogue",
        "--json",
        stdout=output,
        verbosity=0,
    )

    figures = json.loads(output.getvalue())
    assert figures["one object, whole photo"]["queries"] == 3
    assert figures["catalogue image"]["recall@1"] == 1
    # And what plain features find by the same queries.
    assert figures["one object, whole photo"]["floor"]["recall@10"] == 1
    assert figures["catalogue image"]["floor"]["recall@1"] == 1
    assert figures["English title"]["floor"] is None


def test_the_command_prints_the_floor_below_each_row(
    labelled: list[LabelledPhoto], tmp_path: Path
) -> None:
    lines = [json.dumps({"file": photo.path.name, "sku": photo.sku}) for photo in labelled]
    (tmp_path / "list.jsonl").write_text("\n".join(lines))
    output = StringIO()

    call_command("evaluate", str(tmp_path / "list.jsonl"), stdout=output, verbosity=0)

    _, row, floor, difference, matches = output.getvalue().splitlines()[:5]
    assert row.startswith("one object, whole photo ")
    assert floor.split()[0] == "floor"
    assert difference.strip().startswith("search minus floor: @1 ")
    assert "right first results, called" in matches


def test_without_the_weights_the_command_says_how_to_install_them(
    labelled: list[LabelledPhoto], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given a machine without the package of the weights.
    monkeypatch.setattr("catalog.visual.plain_features._PACKAGE", "not_installed")
    line = json.dumps({"file": labelled[0].path.name, "sku": labelled[0].sku})
    (tmp_path / "list.jsonl").write_text(line)
    output, errors = StringIO(), StringIO()

    call_command(
        "evaluate", str(tmp_path / "list.jsonl"), stdout=output, stderr=errors, verbosity=0
    )

    assert "pip install --no-deps -r requirements-train.txt" in errors.getvalue()
    assert "one object, whole photo" in output.getvalue()
    assert "floor" not in output.getvalue()
