"""The request of a search, from the page, the API or an evaluation, and its limits and checks."""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from django.conf import settings

from catalog.imaging.image_decoding import WHOLE, Box
from search.errors import RequestError
from search.filters.declared import FILTERS

SORTS = ("relevance", "price", "-price", "-created")
MAX_LIMIT = 100
DEFAULT_LIMIT = 24
MAX_OFFSET = 5000  # results before a page
MIN_BOX_SIDE = 0.005
BOX_TOLERANCE = 1e-3  # of rounding


class Filters(dict[str, Any]):
    """The checked values of filters, by the names of the parameters of FILTERS and in their order:
    a tuple of strings, a Decimal or a bool. There is no key for a parameter without a value."""

    def __init__(self, **given: Any) -> None:
        values = {name: given.pop(name, None) for f in FILTERS for name in f.parameters}
        if given:
            raise TypeError(f"There is no filter {', '.join(sorted(given))}.")
        super().__init__({n: value for n, value in values.items() if value not in (None, ())})

    @classmethod
    def among(cls, data: Mapping[str, Any]) -> "Filters":
        """The filters among checked parameters."""
        return cls(**{name: data.get(name) for f in FILTERS for name in f.parameters})


@dataclass(frozen=True)
class SearchRequest:
    """One search. At least one of `images`, `query`, `text` and `product_id` is given. `box` is a
    part of the first image. The search moves away from `less_text` and `less_products`. With
    `fold`, only one product of several near-duplicates is a result."""

    images: tuple[bytes, ...] = ()
    query: str = ""
    box: Box | None = None
    text: str = ""
    product_id: int | None = None
    less_text: str = ""
    less_products: tuple[int, ...] = ()
    filters: Filters = field(default_factory=Filters)
    sort: str = SORTS[0]
    limit: int = DEFAULT_LIMIT
    offset: int = 0
    explain: bool = False
    fold: bool = True

    @property
    def kind(self) -> str:
        """photo, text or product; mixed if several are given, or something to move away from."""
        kinds = [
            kind
            for kind, given in (
                ("photo", self.images or self.query),
                ("text", self.text),
                ("product", self.product_id is not None),
            )
            if given
        ]
        return "mixed" if len(kinds) > 1 or self.less_text or self.less_products else kinds[0]

    def next_offset(self, results: int) -> int | None:
        """The offset of the next page, if the search has so many results in all; None if there is
        no next page or it lies beyond MAX_OFFSET."""
        end = self.offset + self.limit
        return end if end < results and end <= MAX_OFFSET else None


def read_uploads(files: Iterable[Any]) -> tuple[bytes, ...]:
    """The content of uploaded files. At most one byte above the size limit of a photo is read."""
    return tuple(file.read(settings.IMAGE_MAX_BYTES + 1) for file in files)


def parse_box(text: str) -> Box:
    """The box of `x,y,w,h`, each 0 to 1. Raises RequestError."""
    try:
        x, y, width, height = map(float, text.split(","))
    except ValueError as error:
        raise RequestError(
            "box_invalid", "box must be four numbers: x,y,w,h, each 0 to 1."
        ) from error
    return checked_box((x, y, width, height))


def checked_box(box: Box | None) -> Box:
    """The box, or the whole photo for None. Raises RequestError if the box is not inside the photo
    or has no area."""
    if box is None:
        return WHOLE
    x, y, width, height = box
    low, high = -BOX_TOLERANCE, 1 + BOX_TOLERANCE
    inside = x >= low and y >= low and x + width <= high and y + height <= high
    if not all(map(math.isfinite, box)) or not inside or min(width, height) < MIN_BOX_SIDE:
        raise RequestError(
            "box_invalid",
            "box must be x,y,w,h, each 0 to 1, inside the image, with some width and height.",
        )
    return box
