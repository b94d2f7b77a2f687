"""`evaluate --others` searches by photos of goods that the catalogue lacks."""

import json
from pathlib import Path

import pytest

from catalog.quality.labelled_photos import PhotosError
from search.quality.figures import summarise
from search.quality.other_goods import KIND, evaluate_other_goods
from tests.search.colour_spotter import ColourSpotter, fill_shop, png, scene


@pytest.mark.django_db
def test_photos_of_other_goods_are_counted(spotter: ColourSpotter, tmp_path: Path) -> None:
    fill_shop(spotter)
    picture = png(scene(("red", (20, 60, 140, 180))))
    for name in ("a.png", "b.png", "c.png", "single.png"):
        (tmp_path / name).write_bytes(picture)
    rows = [("a.png", "dev"), ("b.png", "dev"), ("c.png", "train")]
    lines = [json.dumps({"file": file, "split": split}) for file, split in rows]
    (tmp_path / "list.jsonl").write_text("\n".join(lines))

    figures = summarise(evaluate_other_goods([tmp_path / "list.jsonl", tmp_path / "single.png"]))

    assert figures[KIND]["queries"] == 3
    assert figures[KIND]["recall@10"] == 0
    assert figures[KIND]["exact"] is not None


@pytest.mark.parametrize("text", ["no JSON", "[]", '{"photo": "a.png"}'])
def test_what_is_no_list_is_refused(text: str, tmp_path: Path) -> None:
    (tmp_path / "list.jsonl").write_text(text)

    with pytest.raises(PhotosError, match="is no list of photos"):
        evaluate_other_goods([tmp_path / "list.jsonl"])
