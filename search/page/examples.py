"""Example photos to try the search with: photos of the demo, if its products are in the
catalogue."""

import json
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from catalog.models import Product
from search.errors import RequestError

FOLDER = Path(__file__).resolve().parents[2] / "catalog" / "demo"
MAX_EXAMPLES = 8


@dataclass(frozen=True)
class Example:
    """The file name of a photo, and the product in it."""

    name: str
    product: Product


def examples() -> list[Example]:
    """At most MAX_EXAMPLES photos, chosen evenly from those of the demo. Photos whose product is
    not in the catalogue are left out."""
    photos = _photos()
    chosen = dict(list(photos.items())[:: max(1, len(photos) // MAX_EXAMPLES)][:MAX_EXAMPLES])
    products = {p.sku: p for p in Product.objects.visible().filter(sku__in=chosen.values())}
    return [Example(name, products[sku]) for name, sku in chosen.items() if sku in products]


def example_photo(name: str) -> bytes:
    """The JPEG file of the example photo with this name. Raises RequestError if there is none."""
    if name not in _photos():
        raise RequestError("not_found", f"There is no example photo {name}.", 404)
    return (FOLDER / "photos" / name).read_bytes()


@lru_cache(maxsize=1)
def _photos() -> dict[str, str]:
    """The demo photos that show one product only: the product's sku by file name."""
    listing = FOLDER / "photos.jsonl"
    if not listing.exists():
        return {}
    photos = map(json.loads, listing.read_text(encoding="utf-8").splitlines())
    return {Path(photo["file"]).name: photo["sku"] for photo in photos if not photo["scene"]}
