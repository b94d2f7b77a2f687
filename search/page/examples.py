"""Example photos to try the search with. They come from the demo, if its products are in the
catalogue."""

import json
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from catalog.models import Product
from search.errors import RequestError

DEMO_FOLDER = Path(__file__).resolve().parents[2] / "catalog" / "demo"
MAX_EXAMPLES = 8


@dataclass(frozen=True)
class Example:
    """A photo and its product. `name` is the photo's file name."""

    name: str
    product: Product


def examples() -> list[Example]:
    """Returns at most MAX_EXAMPLES photos, spread evenly over the photos of the demo. Leaves out
    photos whose product is not in the catalogue."""
    photos = _photos()
    chosen = dict(list(photos.items())[:: max(1, len(photos) // MAX_EXAMPLES)][:MAX_EXAMPLES])
    products = {p.sku: p for p in Product.objects.visible().filter(sku__in=chosen.values())}
    return [Example(name, products[sku]) for name, sku in chosen.items() if sku in products]


def example_photo(name: str) -> bytes:
    """Returns the JPEG file of an example photo. Raises RequestError if there is no such photo."""
    if name not in _photos():
        raise RequestError("not_found", f"There is no example photo {name}.", 404)
    return (DEMO_FOLDER / "photos" / name).read_bytes()


@lru_cache(maxsize=1)
def _photos() -> dict[str, str]:
    """Returns the demo photos that show only one product: the product's sku by file name."""
    listing = DEMO_FOLDER / "photos.jsonl"
    if not listing.exists():
        return {}
    photos = map(json.loads, listing.read_text(encoding="utf-8").splitlines())
    return {Path(photo["file"]).name: photo["sku"] for photo in photos if not photo["scene"]}
