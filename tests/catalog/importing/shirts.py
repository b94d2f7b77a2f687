"""Rows of a T-shirt in sizes and colours, for tests of variants."""

from collections.abc import Callable
from typing import Any

from catalog.importing.files import ImportReport
from catalog.models import Variant

ImportLines = Callable[..., ImportReport]

TEE = {"sku": "tee", "is_group": True, "title": "T-shirt", "brand": "Cotton", "currency": "USD"}


def size(sku: str, size: str = "M", colour: str = "red", **fields: Any) -> dict[str, Any]:
    """Returns the row of a T-shirt in a size and a colour."""
    return {
        "sku": sku,
        "group": "tee",
        "title": f"T-shirt {colour} {size}",
        "options": {"size": size, "colour": colour},
        "price": 10,
        "images": [f"{colour}.png"],
        **fields,
    }


SIZES = [
    size("tee-red-s", "S", price=12),
    size("tee-red-m", "M"),
    size("tee-blue-s", "S", "blue", in_stock=False, price=8, url="https://shop.example/blue-s"),
]


def variants(product: str = "tee") -> list[str]:
    rows = Variant.objects.filter(product__sku=product)
    return list(rows.order_by("position").values_list("sku", flat=True))
