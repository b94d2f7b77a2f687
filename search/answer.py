"""The answer of a search, for the API and the page."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from django.utils.translation import gettext as _

from catalog.detection.detector import Detection
from catalog.models import Generation, Tag
from catalog.product_cards import ProductCard, VariantCard
from search.request import Box


@dataclass(frozen=True)
class Because:
    """Why a product is recommended. `kind`: taste (shoppers who like `product` like it), looks (it
    looks like `product`), popular or new."""

    kind: str
    product: ProductCard | None

    @property
    def text(self) -> str:
        """The reason as a phrase for the shopper."""
        title = self.product.label if self.product else ""
        if self.kind == "taste" and title:
            return _("Because you viewed %(title)s") % {"title": title}
        if self.kind == "looks" and title:
            return _("Looks like %(title)s") % {"title": title}
        return _("New") if self.kind == "new" else _("Popular")


@dataclass
class Result:
    """A product in the answer. `variant`: the variant that it shows, if it has variants; `score`: 0
    to 1; `duplicates`: the number of lookalikes that are hidden behind this product; `features`:
    the values that ranked it; `explanation`: the terms of the score, with `explain` only; `object`:
    the number of the object in the photo that the product matches; `whole_photo`: whether it
    matches the whole photo, in a search that also looked for an object in it; `other_variants`:
    those that look different, where a page shows them; `because`: why it is recommended, if it
    is."""

    product: ProductCard
    score: float
    match: str
    duplicates: int = 0
    features: dict[str, float] = field(default_factory=dict)
    explanation: dict[str, float] | None = None
    object: int | None = None
    whole_photo: bool = False
    variant: VariantCard | None = None
    because: Because | None = None
    other_variants: Sequence[VariantCard] = ()

    @property
    def offer(self) -> ProductCard | VariantCard:
        """What has the photo, the price and the stock that the result shows."""
        return self.variant or self.product

    @property
    def photo_url(self) -> str | None:
        return self.offer.photo_url or self.product.photo_url


@dataclass
class SearchAnswer:
    """The answer of the public contract. `complete` is False if there may be more matching products
    that the search did not compare; `calibrated` is False if it is not known for this index, or for
    searches by words alone, how reliable match levels are. Then no result is exact; `total`: the
    number of results on all pages with their hidden lookalikes, None if it is not known;
    `corrected`: the words that were searched for instead of mistyped ones, or ""; `fits_words`:
    False if nothing fits both the photo and the words: then the results fit the photo alone;
    `is_blank`: whether the photo shows nothing; `object_names`: the tags of the objects that were
    searched for, by their numbers; `photos`: how many the search had; `query_vector`: the unit
    vector (d,) of the query for the first of them in the index space."""

    query_id: str
    kind: str
    box: Box | None
    generation: Generation
    complete: bool
    calibrated: bool
    results: list[Result]
    next_offset: int | None
    facets: dict[str, Any]
    tags: list[tuple[Tag, float]] = field(default_factory=list)
    objects: list[Detection] = field(default_factory=list)
    timings_ms: dict[str, float] = field(default_factory=dict)
    total: int | None = None
    corrected: str = ""
    fits_words: bool = True
    is_blank: bool = False
    object_names: dict[int, Tag] = field(default_factory=dict)
    photos: int = 0
    query_vector: np.ndarray | None = None

    @property
    def server_timing(self) -> str:
        """The timings as the value of the header Server-Timing."""
        return ", ".join(f"{stage};dur={ms}" for stage, ms in self.timings_ms.items())

    @property
    def has_two_readings(self) -> bool:
        """Whether some results match the whole photo, and others an object in it."""
        return len({result.whole_photo for result in self.results}) == 2

    @property
    def only_weak(self) -> bool:
        """Whether there are results and all of them are known to be weak matches."""
        return (
            self.calibrated
            and bool(self.results)
            and all(result.match == "weak" for result in self.results)
        )
