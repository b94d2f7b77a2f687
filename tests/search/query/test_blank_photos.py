"""Blank photos and products with blank photos are never exact matches."""

from collections.abc import Callable
from io import BytesIO
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageFilter

from catalog.index.live_index import live_index
from catalog.models import Generation, Product
from catalog.visual.blank import blank_photos, closeness, nearly_blank_photos
from tests.search.conftest import DemoPhoto

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("demo_index")]

Search = Callable[..., dict[str, Any]]
SIZE = (480, 360)
COLOURS = ["white", "black", "grey", "#d7cdbe", "#c81e1e", "#1e78c8", "#f0dc3c", "#3c1410"]


def jpeg(image: Image.Image, quality: int = 80) -> bytes:
    file = BytesIO()
    image.save(file, "JPEG", quality=quality)
    return file.getvalue()


def noisy(pixels: np.ndarray, noise: float, random: np.random.Generator) -> Image.Image:
    pixels = pixels + random.normal(0, noise, (SIZE[1], SIZE[0], 3))
    return Image.fromarray(pixels.clip(0, 255).astype(np.uint8))


def gradient(first: tuple[int, ...], last: tuple[int, ...]) -> np.ndarray:
    """Returns pixels that fade from the top to the bottom."""
    down = np.linspace(0, 1, SIZE[1])[:, None, None]
    return np.array(first) * (1 - down) + np.array(last) * down


def thumb(random: np.random.Generator) -> Image.Image:
    """Returns a photo of a thumb on the lens: dark, reddish and blurred."""
    few = random.uniform(0, 255, (4, 5)).astype(np.uint8)
    light = np.asarray(Image.fromarray(few).resize(SIZE, Image.Resampling.BICUBIC)) / 255
    pixels = np.array([40, 8, 6]) + light[..., None] * np.array([90, 18, 14])
    return noisy(pixels, 3, random).filter(ImageFilter.GaussianBlur(3))


def make_blank_photos() -> dict[str, bytes]:
    random = np.random.default_rng(3)
    found = {colour: jpeg(Image.new("RGB", SIZE, colour)) for colour in COLOURS}
    for colour in COLOURS[:4]:
        pixels = np.asarray(Image.new("RGB", SIZE, colour), float)
        found[f"{colour}, noise"] = jpeg(noisy(pixels, 6, random), 60)
    found["a wall"] = jpeg(noisy(gradient((225, 215, 200), (170, 160, 150)), 3, random))
    found["a sky"] = jpeg(noisy(gradient((90, 140, 220), (220, 230, 245)), 2, random))
    found["a dark room"] = jpeg(noisy(gradient((50, 45, 40), (12, 10, 10)), 4, random))
    found |= {f"a thumb {number}": jpeg(thumb(random)) for number in range(4)}
    return found


def call_exact_from(cosine: float) -> None:
    """Sets the cosine from which a result shows the same photo."""
    generation = Generation.objects.get(state=Generation.State.LIVE)
    generation.match = {**generation.match, "same_photo_cosine": cosine}
    generation.save(update_fields=["match"])


@pytest.mark.parametrize("box", [None, (0.2, 0.2, 0.5, 0.5)])
def test_a_blank_photo_is_never_exact(by_photo: Search, box: tuple[float, ...] | None) -> None:
    call_exact_from(0.5)  # which many results of any photo reach
    wrong = {}
    for name, data in make_blank_photos().items():
        answer = by_photo(data, limit=100, fold=False, **({"box": box} if box else {}))
        matches = {result["match"] for result in answer["results"]}
        if "exact" in matches:
            wrong[name] = matches

    assert wrong == {}


def test_a_blank_part_of_a_photo_is_never_exact(
    by_photo: Search, photos: dict[str, DemoPhoto]
) -> None:
    call_exact_from(0.5)
    chair = Image.open(BytesIO(photos["blends-antiquechair-0"].data)).convert("RGB")
    beside_a_wall = Image.new("RGB", (2 * chair.width, chair.height), "white")
    beside_a_wall.paste(chair, (0, 0))

    wall = by_photo(jpeg(beside_a_wall), box=(0.55, 0.1, 0.4, 0.8), limit=100)
    whole_chair = by_photo(jpeg(beside_a_wall), box=(0, 0, 0.5, 1), limit=100)

    assert "exact" not in {result["match"] for result in wall["results"]}
    assert whole_chair["results"][0]["match"] == "exact"


def test_a_product_with_a_blank_photo_is_never_exact(by_photo: Search, client: Any) -> None:
    # Given white arrows on white, of which a photo shows a few dots.
    arrows = Product.objects.filter(title__startswith="Arrow").prefetch_related("images")
    assert arrows.count() == 3

    for product in arrows:
        for image in product.images.all():
            with image.file.open("rb") as file:
                answer = by_photo(file.read(), box=(0, 0, 1, 1), limit=100, fold=False)
            matches = {r["product"]["id"]: r["match"] for r in answer["results"]}
            assert matches[product.pk] == "similar"
            assert "exact" not in matches.values()
        similar = client.get(f"/api/v1/products/{product.pk}/similar/?limit=100&fold=false").json()
        assert "exact" not in {result["match"] for result in similar["results"]}


def test_a_product_on_white_is_exact_by_its_own_photo(by_photo: Search) -> None:
    products = Product.objects.exclude(title__regex="Arrow|Parking|crossing").order_by("sku")

    for product in products.prefetch_related("images")[::24]:
        with product.images.all()[0].file.open("rb") as file:
            answer = by_photo(file.read(), box=(0, 0, 1, 1), limit=100, fold=False)
        matches = {r["product"]["id"]: r["match"] for r in answer["results"]}
        assert matches[product.pk] == "exact", product


def test_the_blank_threshold_includes_nearly_blank_photos() -> None:
    index = live_index()
    blanks = index.project(index.encode_images(blank_photos()))
    nearly = index.project(index.encode_images(nearly_blank_photos()))

    threshold = index.generation.calibration.blank_cosine

    assert closeness(nearly, blanks).min() >= threshold - 1e-6
    assert 0.65 < threshold < 0.9
    assert nearly_blank_photos()[7].tobytes() == nearly_blank_photos()[7].tobytes()
