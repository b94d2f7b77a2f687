"""What a search is asked for, whoever asks: the page, the API, an evaluation."""

from dataclasses import dataclass, field
from decimal import Decimal

from catalog.imaging.image_decoding import Box

SORTS = ("relevance", "price", "-price", "-created")
MAX_LIMIT = 100
DEFAULT_LIMIT = 24
MAX_OFFSET = 5000  # results before a page
MAX_VALUES = 50  # of one filter
MAX_TAGS = 20  # each is a condition of its own: planning 50 takes 0.2 s


@dataclass(frozen=True)
class Filters:
    """What results must fulfil; slugs of categories mean everything below them too."""

    categories: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    brands: tuple[str, ...] = ()
    price_min: Decimal | None = None
    price_max: Decimal | None = None
    in_stock: bool | None = None


@dataclass(frozen=True)
class SearchRequest:
    """One search. At least one of `images`, `query`, `text` and `product_id` is given; `box` is of
    the first image. `less_text` and `less_products` are what to move away from; `fold`: lookalikes
    are shown once."""

    images: tuple[bytes, ...] = ()
    query: str = ""
    box: Box | None = None
    text: str = ""
    product_id: int | None = None
    less_text: str = ""
    less_products: tuple[int, ...] = ()
    filters: Filters = field(default_factory=Filters)
    sort: str = "relevance"
    limit: int = DEFAULT_LIMIT
    offset: int = 0
    explain: bool = False
    fold: bool = True

    @property
    def kind(self) -> str:
        """photo, text, product, or mixed when there are several or something to move away from."""
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


class RequestError(ValueError):
    """The request cannot be answered; `code` is one of the public contract's, the message a
    sentence."""

    def __init__(self, code: str, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.code, self.status = code, status
