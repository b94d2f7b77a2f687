"""The request of a search, from the page, the API or an evaluation, with its limits and checks."""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from django.conf import settings

from catalog.imaging.image_decoding import WHOLE, Box
from search.errors import RequestError
from search.filters.declared import FILTERS

PRICE_SORTS = ("price", "-price")
SORTS = ("relevance", *PRICE_SORTS, "-created")
MAX_LIMIT = 100
DEFAULT_LIMIT = 24
MAX_OFFSET = 5000  # results before a page
MIN_BOX_SIDE = 0.005  # of the photo
BOX_TOLERANCE = 1e-3  # for rounded numbers


class Filters(dict[str, Any]):
    """The checked values of filters by parameter, in the order of FILTERS. A value is a tuple of
    strings, a Decimal or a bool. Parameters without a value are left out."""

    def __init__(self, **values: Any) -> None:
        ordered = {name: values.pop(name, None) for f in FILTERS for name in f.parameters}
        if values:
            raise TypeError(f"There is no filter {', '.join(sorted(values))}.")
        super().__init__({n: value for n, value in ordered.items() if value not in (None, ())})

    @classmethod
    def among(cls, data: Mapping[str, Any]) -> "Filters":
        """Returns the filters among checked parameters."""
        return cls(**{name: data.get(name) for f in FILTERS for name in f.parameters})


@dataclass(frozen=True)
class SearchRequest:
    """One search, by at least one of `images`, `query`, `address`, `text` and `product_id`. `query`
    is the id of an earlier search, whose photos are used again, before `images`. `address` is the
    web address of a photo. `box` is a part of the first image. The search moves away from
    `less_text` and `less_products`. The products `hidden` are no results. With `fold`, only one
    product of several near-duplicates is a result."""

    images: tuple[bytes, ...] = ()
    query: str = ""
    address: str = ""
    box: Box | None = None
    text: str = ""
    product_id: int | None = None
    less_text: str = ""
    less_products: tuple[int, ...] = ()
    hidden: tuple[int, ...] = ()
    filters: Filters = field(default_factory=Filters)
    sort: str = SORTS[0]
    limit: int = DEFAULT_LIMIT
    offset: int = 0
    explain: bool = False
    fold: bool = True

    @property
    def kind(self) -> str:
        """photo, text or product; mixed if the search combines several of them, or moves away from
        words or products."""
        kinds = [
            kind
            for kind, is_present in (
                ("photo", self.has_photo),
                ("text", self.text),
                ("product", self.product_id is not None),
            )
            if is_present
        ]
        return "mixed" if len(kinds) > 1 or self.less_text or self.less_products else kinds[0]

    @property
    def has_photo(self) -> bool:
        return bool(self.images or self.query or self.address)

    @property
    def shows_product(self) -> bool:
        """Whether the search is for what a photo shows, which may be a product of the catalogue.
        Words name no single product, and a product is not among its own lookalikes."""
        return self.has_photo and self.product_id is None

    @property
    def wrong(self) -> tuple[int, ...]:
        """The hidden products that the search does not move away from."""
        return tuple(pk for pk in self.hidden if pk not in self.less_products)

    @property
    def left_out(self) -> tuple[int, ...]:
        """The products that are no results: those that are hidden, and the one that the search is
        for more of."""
        return self.hidden if self.product_id is None else (*self.hidden, self.product_id)

    def next_offset(self, results: int) -> int | None:
        """Returns the offset of the next page of a search that has `results` results in all, or
        None if there is no next page or it lies beyond MAX_OFFSET."""
        end = self.offset + self.limit
        return end if end < results and end <= MAX_OFFSET else None


def read_uploads(files: Iterable[Any]) -> tuple[bytes, ...]:
    """Returns the content of uploaded files. Reads at most one byte more than IMAGE_MAX_BYTES of
    each, which is enough to refuse a larger file."""
    return tuple(file.read(settings.IMAGE_MAX_BYTES + 1) for file in files)


def parse_box(text: str) -> Box:
    """Parses a box `x,y,w,h`, each 0 to 1. Raises RequestError."""
    try:
        x, y, width, height = map(float, text.split(","))
    except ValueError as error:
        raise RequestError(
            "box_invalid", "box must be four numbers: x,y,w,h, each 0 to 1."
        ) from error
    return checked_box((x, y, width, height))


def checked_box(box: Box | None) -> Box:
    """Returns the box, or the whole photo for None. Raises RequestError if the box is not inside
    the photo or a side is shorter than MIN_BOX_SIDE."""
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
