"""The products that others opened after a product, as its page shows them."""

from typing import Any

from catalog.product_cards import read_product_cards
from search.answer import Result
from search.events.next_products import products_opened_next


def cards_opened_next(pk: int) -> dict[str, Any]:
    """Returns the visible products that shoppers opened after the product `pk`, as an answer that
    the template of cards shows."""
    ids = products_opened_next(pk)
    cards = read_product_cards(ids) if ids else {}
    results = [Result(product=cards[pk], score=0.0, match="weak") for pk in ids if pk in cards]
    return {"kind": "product", "results": results}
