"""What a product page tells search engines and other sites: schema.org as JSON-LD."""

import json
from typing import Any

from django.http import HttpRequest
from django.utils.safestring import SafeString, mark_safe

from catalog.models import Product
from catalog.product_cards import VariantCard

ESCAPES = {ord("<"): "\\u003C", ord(">"): "\\u003E", ord("&"): "\\u0026"}


def product_json_ld(
    request: HttpRequest, product: Product, offer: Product | VariantCard, photos: list[str]
) -> SafeString:
    """Returns the product as JSON-LD, safe within an HTML element."""
    stock = "InStock" if offer.in_stock else "OutOfStock"
    data: dict[str, Any] = {
        "@context": "https://schema.org",
        "@type": "Product",
        "name": product.label,
        "sku": offer.sku,
        "image": [request.build_absolute_uri(photo) for photo in photos],
        "offers": {
            "@type": "Offer",
            "price": str(offer.price),
            "priceCurrency": product.currency,
            "availability": f"https://schema.org/{stock}",
            "url": offer.url or product.url or request.build_absolute_uri(),
        },
    }
    if product.brand:
        data["brand"] = {"@type": "Brand", "name": product.brand}
    if product.description:
        data["description"] = product.description
    return mark_safe(json.dumps(data, ensure_ascii=False).translate(ESCAPES))
