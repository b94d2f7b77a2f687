"""Examples of requests and answers, for the OpenAPI schema."""

from typing import Any

from drf_spectacular.utils import OpenApiExample

SITE = "https://search.shop.example"
QUERY_ID = "f22fbaad964317fcae299176a4fbcd9b"
PRODUCT: dict[str, Any] = {
    "id": 3,
    "sku": "blends-antiquechair",
    "title": "Chair",
    "category": {"slug": "living-room", "name": "Living room"},
    "brand": "Blend Swap",
    "price": 188.99,
    "currency": "EUR",
    "in_stock": True,
    "tags": [{"slug": "chair", "name": "chair"}],
    "image": f"{SITE}/media/products/d2/d24946f8.webp",
    "url": f"{SITE}/products/3/",
}
VARIANT = {
    "sku": "blends-antiquechair-oak",
    "options": {"colour": "oak"},
    "price": 188.99,
    "in_stock": True,
    "image": PRODUCT["image"],
    "url": f"{SITE}/products/3/?variant=blends-antiquechair-oak",
}


QUERY: dict[str, Any] = {
    "id": QUERY_ID,
    "box": None,
    "objects": [],
    "blank": False,
    "corrected": None,
    "fits_words": True,
}
FACETS: dict[str, Any] = {
    "category": [{"value": "living-room", "label": "Living room", "count": 49}],
    "brand": [],
    "tag": [],
    "price": {"min": 8.99, "max": 499.99},
    "option": [],
}


def _search_answer(kind: str, **query: Any) -> dict[str, Any]:
    is_photo = kind == "photo"
    result = {"product": PRODUCT, "variant": VARIANT, "score": 0.8534, "duplicates": 0}
    return {
        "query": {**QUERY, "kind": kind, **query},
        "generation": {"id": 1, "encoder": "starter", "published_at": "2026-11-25T12:14:53Z"},
        "complete": False,
        "calibrated": is_photo,
        "timings_ms": {"decode": 0.93, "embed": 6.64, "retrieve": 4.97, "rank": 1.72, "total": 16},
        "tags": [{"slug": "chair", "name": "chair", "score": 0.99}],
        "facets": FACETS,
        "count": 1,
        "total": None,
        "next_offset": 1,
        "results": [{**result, "match": "exact" if is_photo else "similar"}],
    }


def _example(name: str, value: Any, status: str = "200") -> OpenApiExample:
    return OpenApiExample(name, value=value, response_only=True, status_codes=[status])


BOX = [0.3806, 0.275, 0.4639, 0.5229]
PHOTO_ANSWER = _example(
    "A chair in a photo", _search_answer("photo", objects=[{"box": BOX, "score": 0.93}])
)
TEXT_ANSWER = _example("Chairs by words", _search_answer("text", corrected="chair"))
SIMILAR_ANSWER = _example("Chairs like a chair", _search_answer("product"))
SUGGESTIONS = _example("Words", {"suggestions": ["chair", "Armchairs"]})
PRODUCT_LIST = _example(
    "One page", {"count": 1, "next_offset": 1, "results": [{**PRODUCT, "variants": [VARIANT]}]}
)
PRODUCT_DETAIL = _example(
    "A chair",
    {
        **PRODUCT,
        "description": "A carved chair of dark wood.",
        "images": [PRODUCT["image"]],
        "variants": [VARIANT],
        "attributes": {"width_cm": 52},
        "created_at": "2026-11-25T12:10:00Z",
    },
)
EVENTS = OpenApiExample(
    "A click on a result",
    value={"events": [{"type": "click", "product": 3, "session": "s-81", "query": QUERY_ID}]},
    request_only=True,
)
EVENT_COUNTS = _example(
    "One event", {"accepted": 1, "unknown": 0, "repeated": 0, "declined": 0}, status="202"
)
DELETED_EVENTS = _example("A session", {"deleted": 12})
_BECAUSE = {"kind": "taste", "product": 4, "text": "Because you viewed Table"}
RECOMMENDED = _search_answer("product")
RECOMMENDED["results"] = [
    {**result, "match": "weak", "because": _BECAUSE} for result in RECOMMENDED["results"]
]
RECOMMENDATIONS = _example("Chairs for the viewer of a table", RECOMMENDED)
