"""What the page says when there is nothing, the order of the results, and filters, with Django's
test client."""

from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from django.test import Client
from PIL import Image, ImageFilter

from tests.search.page.page_requests import HTMX, search_by_photo, text_of

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("demo_index")]

INTERIORS = Path(__file__).resolve().parents[3] / "indexing/training/backgrounds"
ORDER = ("exact", "similar", "weak")


def thumb() -> Image.Image:
    """A thumb over the lens: blurred skin, with a dark corner and the noise of a sensor."""
    draw = np.random.default_rng(3)
    patches = Image.fromarray(draw.integers(90, 170, (3, 4), np.uint8)).resize((480, 360))
    light = np.asarray(patches.filter(ImageFilter.GaussianBlur(40)), float) / 170
    pixels = light[..., None] * (150, 80, 60) + draw.normal(0, 4, (360, 480, 3))
    return Image.fromarray(pixels.clip(0, 255).astype(np.uint8))


@pytest.mark.parametrize(
    "photo",
    [Image.new("RGB", (480, 360), "white"), Image.new("RGB", (480, 360), "black"), thumb()],
    ids=["white", "black", "thumb"],
)
def test_a_photo_without_content_is_said_to_have_none(client: Client, photo: Image.Image) -> None:
    file = BytesIO()
    photo.save(file, "JPEG")
    file.seek(0)

    page = text_of(client.post("/search/", {"image": file}, headers=HTMX))

    assert "There is nothing to see in this photo" in page
    assert "Choose another photo" in page
    assert 'class="card"' not in page


def test_badges_follow_the_order(client: Client, photos: dict[str, Any]) -> None:
    for photo in list(photos.values())[:4]:
        response = client.post("/search/", {"image": BytesIO(photo.data)}, headers=HTMX)
        levels = [ORDER.index(r.match) for r in response.context["answer"].results]
        assert levels == sorted(levels)
        assert "%" not in text_of(response).partition('class="grid"')[2]


@pytest.mark.parametrize("sort", ["price", "-price", "-created"])
@pytest.mark.parametrize("name", ["blends-antiquechair-0", "blends-bed1-1"])
def test_sorting_stays_within_what_is_relevant(
    client: Client, photos: dict[str, Any], name: str, sort: str
) -> None:
    def search(**fields: str) -> Any:
        form = {"image": BytesIO(photos[name].data), **fields}
        return client.post("/search/", form, headers=HTMX).context["answer"].results

    nearest, results = search(), search(sort=sort)

    kinds: dict[int | None, str] = {}
    for result in nearest:
        kinds.setdefault(result.object, result.product.category.slug)
    first_page = {result.product.pk for result in nearest}
    others = [result for result in results if result.match == "weak"]
    assert 1 < len(results) < len(nearest)
    assert all(result.product.pk in first_page for result in others)
    assert all(result.product.category.slug == kinds[result.object] for result in others)
    if sort == "price":
        prices = [result.offer.price for result in results]
        assert prices == sorted(prices)


@pytest.mark.parametrize("size", [(50, 1000), (1000, 50), (100, 400)])
def test_a_strip_shows_no_exact_match(
    client: Client, photos: dict[str, Any], size: tuple[int, int]
) -> None:
    for name in ("blends-boiler-2", "blends-briefcase-2"):
        photo, (x, y, width, height) = photos[name], photos[name].box
        whole = Image.open(BytesIO(photo.data))
        sides = x, y, x + width, y + height
        squeezed = whole.crop(
            tuple(int(side * whole.size[n % 2]) for n, side in enumerate(sides))  # type: ignore[arg-type]
        ).resize(size)
        file = BytesIO()
        squeezed.save(file, "PNG")
        file.seek(0)

        results = client.post("/search/", {"image": file}, headers=HTMX).context["answer"].results
        assert "exact" not in {result.match for result in results}


def test_hardly_a_room_without_a_product_shows_an_exact_match(client: Client) -> None:
    # Processors compute in 8 bits differently, so which of them do depends on the machine.
    rooms = [*INTERIORS.glob("polyhaven-lobby-*.webp"), *INTERIORS.glob("polyhaven-hall-*.webp")]
    shown = 0
    for room in rooms:
        response = client.post("/search/", {"image": BytesIO(room.read_bytes())}, headers=HTMX)
        shown += "exact" in {result.match for result in response.context["answer"].results}

    assert len(rooms) >= 20
    assert shown <= len(rooms) / 10


def test_nonsense_is_told_with_what_to_try(client: Client) -> None:
    page = text_of(client.get("/search/?q=asdfghjkl"))

    assert "Nothing found for “asdfghjkl”" in page
    assert "Check the spelling" in page


def test_a_typo_is_told(client: Client) -> None:
    assert "Showing results for “lamp”" in text_of(client.get("/search/?q=lapm"))


def test_a_minimum_above_the_maximum_is_an_error_beside_the_field(client: Client) -> None:
    response = client.get("/search/?q=chair&price_min=90&price_max=5", headers=HTMX)

    page = text_of(response)
    assert response.status_code == 200
    assert "The lowest price is higher than the highest." in page
    assert 'aria-describedby="price-error"' in page
    assert 'value="90"' in page
    assert 'class="card"' in page


def test_filters_that_are_on_are_chips_that_turn_them_off(client: Client) -> None:
    response = client.get("/search/?q=chair&category=office&category=kitchen&price_max=300")

    chosen = {chosen.label: chosen.without for chosen in response.context["chosen"]}
    assert chosen["Office"] == "/search/?q=chair&category=kitchen&price_max=300"
    assert chosen["Highest price: 300"] == "/search/?q=chair&category=office&category=kitchen"
    assert f"Show {response.context['answer'].total} products" in text_of(response)


def test_an_address_brings_all_loaded_pages_back(client: Client) -> None:
    first = search_by_photo(client).context
    more = {"query": first["query"], "offset": first["answer"].next_offset}
    address = client.get("/search/", more, headers=HTMX)["HX-Replace-Url"]

    assert "shown=48" in address
    assert len(client.get(address).context["answer"].results) == 48
    assert client.get("/search/?q=chair&shown=100000").status_code == 400
