"""Training batches, and the catalogue and the pairs that they are made of."""

import json
from pathlib import Path

import pytest
import torch

from indexing.training.batches import Batches
from indexing.training.pairs import read_items, read_pairs


def make_batches(
    catalog: Path, seed: str = "0", products: int = 6, view_share: float = 0.0
) -> Batches:
    items = read_items(catalog)
    pairs = read_pairs([catalog.with_name("labelled.jsonl")], items)
    pictures = [item.images[0] for item in items]
    return Batches(
        items,
        pairs,
        [],
        pictures,
        products=products,
        size=64,
        seed=seed,
        view_share=view_share,
    )


def test_a_batch_depends_only_on_the_seed_and_the_step(toy_catalog: Path) -> None:
    batch, again, other = (
        make_batches(toy_catalog)[7],
        make_batches(toy_catalog)[7],
        make_batches(toy_catalog, "1")[7],
    )

    assert torch.equal(batch.pixels, again.pixels)
    assert not torch.equal(batch.pixels, other.pixels)


def test_a_batch_holds_a_photo_and_a_catalogue_image_of_each_product(toy_catalog: Path) -> None:
    batch = make_batches(toy_catalog)[0]

    count = len(batch.products)
    assert count == 6
    assert len(set(batch.products.tolist())) == count
    assert batch.pixels.dtype == torch.uint8
    assert len(batch.pictures) == 0  # 15 % of six products, rounded down
    assert len(make_batches(toy_catalog, products=7)[0].pictures) == 1
    assert len(batch.pixels) == 2 * count
    assert set(batch.views.tolist()) == {0, 1}


def test_a_photo_that_is_a_view_is_paired_with_another_view(toy_catalog: Path) -> None:
    batch = make_batches(toy_catalog, products=12, view_share=1.0)[0]

    is_view = batch.sources >= 0  # the others are labelled photos
    assert is_view.any()
    assert (batch.views != batch.sources)[is_view].all()
    assert (make_batches(toy_catalog)[0].sources == -1).all()


def test_a_product_with_one_view_is_paired_with_it(toy_catalog: Path, tmp_path: Path) -> None:
    rows = [json.loads(line) for line in toy_catalog.read_text().splitlines()]
    for row in rows:
        row["images"] = [str(toy_catalog.parent / row["images"][0])]
    single = tmp_path / "catalog.jsonl"
    single.write_text("\n".join(map(json.dumps, rows)))
    (tmp_path / "labelled.jsonl").write_text('{"file": "a.jpg", "sku": "gone"}')

    batch = make_batches(single, view_share=1.0)[0]

    assert batch.views.tolist() == [0] * 6
    assert batch.sources.tolist() == [-1] * 6


def test_pairs_of_unknown_products_are_skipped(toy_catalog: Path, tmp_path: Path) -> None:
    clicks = tmp_path / "clicks.jsonl"
    clicks.write_text(
        json.dumps({"file": "a.jpg", "sku": "red-ellipse"})
        + "\n"
        + json.dumps({"file": "b.jpg", "sku": "gone"})
    )

    pairs = read_pairs([clicks], read_items(toy_catalog))

    assert [(pair.photo.name, pair.box, pair.product) for pair in pairs] == [("a.jpg", None, 0)]


def test_an_unusable_catalogue_is_refused(tmp_path: Path) -> None:
    (tmp_path / "bad.jsonl").write_text('{"sku": "a", "images": ["a.png"]}\n{"images": ["b.png"]}')

    with pytest.raises(ValueError, match="line 2"):
        read_items(tmp_path / "bad.jsonl")

    (tmp_path / "empty.jsonl").write_text('{"sku": "a"}')
    with pytest.raises(ValueError, match="no product with an image"):
        read_items(tmp_path / "empty.jsonl")
