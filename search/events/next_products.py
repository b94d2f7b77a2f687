"""What shoppers went on to after a product, for its page."""

from datetime import timedelta
from typing import Any

from django.db import connection

# The latest shoppers of the product, and what each of them opened next: so a popular product costs
# no more than others. Senders choose their sessions, so only different origins count, except of
# what came with a secret key or from a file of the shop.
OPENED_NEXT = """
    WITH shopper AS (
        SELECT id, at, "user", session FROM catalog_event
        WHERE product_id = %(product)s AND type <> 'wrong' AND ("user" <> '' OR session <> '')
        ORDER BY id DESC LIMIT %(shoppers)s
    ), opened AS (
        SELECT next.* FROM shopper CROSS JOIN LATERAL (
            SELECT product_id, at, origin, type, channel, 'session ' || session AS sender
            FROM catalog_event
            WHERE shopper."user" = '' AND session = shopper.session AND session <> ''
                AND id > shopper.id
            ORDER BY id LIMIT %(each)s) next
        WHERE next.at BETWEEN shopper.at AND shopper.at + %(visit)s
        UNION ALL
        SELECT next.* FROM shopper CROSS JOIN LATERAL (
            SELECT product_id, at, origin, type, channel, 'user ' || "user" AS sender
            FROM catalog_event
            WHERE "user" = shopper."user" AND "user" <> '' AND id > shopper.id
            ORDER BY id LIMIT %(each)s) next
        WHERE next.at BETWEEN shopper.at AND shopper.at + %(visit)s
    ), counted AS (
        SELECT product_id, count(DISTINCT CASE WHEN channel IN ('server', 'file') THEN sender
            ELSE nullif(origin, '') END) AS shoppers
        FROM opened WHERE product_id <> %(product)s AND type <> 'wrong' GROUP BY product_id
    )
    SELECT product_id FROM counted WHERE shoppers >= %(fewest)s
    ORDER BY shoppers DESC, product_id LIMIT %(products)s
"""
MAX_SHOPPERS = 300
MAX_EACH = 10  # events of a shopper
VISIT = timedelta(days=1)  # what is opened later does not follow from the product
MIN_SHOPPERS = 3  # who opened both products; fewer say little, and might be recognised
MAX_PRODUCTS = 6


def products_opened_next(pk: int) -> list[int]:
    """Returns at most MAX_PRODUCTS ids of products that shoppers opened after the product `pk` in
    the same visit, those of most shoppers first. A visit is a session, or a day of a user."""
    limits: dict[str, Any] = {
        "product": pk,
        "shoppers": MAX_SHOPPERS,
        "each": MAX_EACH,
        "visit": VISIT,
        "fewest": MIN_SHOPPERS,
        "products": MAX_PRODUCTS,
    }
    with connection.cursor() as cursor:
        cursor.execute(OPENED_NEXT, limits)
        return [product for (product,) in cursor.fetchall()]
