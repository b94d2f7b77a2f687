"""Photos to try the search with: a few of the demo catalogue's, while its products are there."""

import json
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from catalog.models import Product
from search.request import RequestError

FOLDER = Path(__file__).resolve().parents[2] / "catalog" / "demo"
SHOWN = 8


@dataclass(frozen=True)
class Example:
    """A photo's file name, and the product that it shows."""

    name: str
    product: Product


def examples() -> list[Example]:
    """SHOWN photos, spread over the demo's; none once its products have left the catalogue."""
    photos = _photos()
    chosen = dict(list(photos.items())[:: max(1, len(photos) // SHOWN)][:SHOWN])
    products = {p.sku: p for p in Product.objects.visible().filter(sku__in=chosen.values())}
    return [Example(name, products[sku]) for name, sku in chosen.items() if sku in products]


def example_photo(name: str) -> bytes:
    """The photo of that name, as JPEG. Raises RequestError for any other name."""
    if name not in _photos():
        raise RequestError("not_found", f"There is no example photo {name}.", 404)
    return (FOLDER / "photos" / name).read_bytes()


@lru_cache(maxsize=1)
def _photos() -> dict[str, str]:
    """Name → sku of the demo photos with a single product in them."""
    listing = FOLDER / "photos.jsonl"
    if not listing.exists():
        return {}
    photos = map(json.loads, listing.read_text(encoding="utf-8").splitlines())
    return {Path(photo["file"]).name: photo["sku"] for photo in photos if not photo["scene"]}
