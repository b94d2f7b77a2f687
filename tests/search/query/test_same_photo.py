"""A shop's own photo finds its product, whatever objects are in it."""

from io import BytesIO
from pathlib import Path

import pytest
from PIL import Image

from catalog.models import ProductImage
from tests.search.conftest import DemoPhoto, Search

pytestmark = pytest.mark.django_db


def test_a_photo_of_the_catalogue_is_searched_for_as_a_whole(
    demo_index: None, by_photo: Search
) -> None:
    image = ProductImage.objects.order_by("pk")[100]
    original = Path(image.file.path).read_bytes()
    photo = Image.open(BytesIO(original)).convert("RGB")
    smaller = BytesIO()
    photo.resize((photo.width * 2 // 3, photo.height * 2 // 3)).save(smaller, "JPEG", quality=60)

    for data in (original, smaller.getvalue()):
        answer = by_photo(data)

        [first, *_] = answer["results"]
        assert (first["product"]["id"], first["match"]) == (image.product_id, "exact")
        assert all(result.get("object") is None for result in answer["results"])
        assert answer["query"]["objects"]  # which can still be chosen


def test_a_photo_that_only_shows_a_product_is_searched_for_by_its_objects(
    demo_index: None, by_photo: Search, photos: dict[str, DemoPhoto]
) -> None:
    answer = by_photo("scopia-elevator-1")

    assert answer["query"]["objects"]
    assert answer["results"][0]["object"] is not None
