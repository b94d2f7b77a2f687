"""Lists and looks up products for shoppers, without a search."""

from typing import Any

from django.db import connection
from psycopg.sql import SQL, Literal

from catalog.models import Product
from catalog.product_cards import read_product_cards, read_variant_cards
from search.errors import RequestError
from search.filters.declared import filter_condition
from search.request import Filters
from search.serving.admission import admission
from search.serving.deadline import Deadline

ORDER_BY = {
    "relevance": SQL("popularity DESC, id"),
    "price": SQL("price, id"),
    "-price": SQL("price DESC, id"),
    "-created": SQL("created_at DESC, id DESC"),
}
PAGE_QUERY = SQL("""
    SELECT id FROM ({passing}) product ORDER BY {order} LIMIT {limit} OFFSET {offset}
""")


def list_products(filters: Filters, sort: str, limit: int, offset: int) -> dict[str, Any]:
    """Returns a page of the visible products that pass the filters: `count`, `next_offset` and
    `results`, which are ProductCards with all their variants. Relevance means popularity here.
    Raises Overloaded."""
    with admission.admitted(Deadline()):
        ids = find_product_ids(filters, sort, limit + 1, offset)
        cards = read_product_cards(ids[:limit])
        with_variants = [pk for pk, card in cards.items() if card.has_variants]
        variants = read_variant_cards(with_variants) if with_variants else {}
    results = [
        cards[pk]._replace(variants=variants.get(pk, ())) for pk in ids[:limit] if pk in cards
    ]
    return {
        "count": len(results),
        "next_offset": offset + limit if len(ids) > limit else None,
        "results": results,
    }


def visible_product(pk: int) -> Product:
    """Returns the visible product with this id. Raises RequestError if there is none."""
    product = Product.objects.visible().for_display().filter(pk=pk).first()
    if product is None:
        raise RequestError("not_found", f"There is no product {pk}.", 404)
    return product


def find_product_ids(filters: Filters, sort: str, limit: int, offset: int) -> list[int]:
    """Returns the ids of `limit` visible products that pass the filters."""
    query = PAGE_QUERY.format(
        passing=filter_condition(filters).select(SQL("id, popularity, price, created_at")),
        order=ORDER_BY[sort],
        limit=Literal(limit),
        offset=Literal(offset),
    )
    with connection.cursor() as cursor:
        cursor.execute(query.as_string(), [])
        return [pk for (pk,) in cursor.fetchall()]
