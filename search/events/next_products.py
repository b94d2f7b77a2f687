"""What shoppers opened after a product, for its page."""

from django.db import connection

# The latest shoppers of the product, and what each of them opened next: so a popular product costs
# no more than others. Senders choose their sessions, so only different origins count.
OPENED_NEXT = """
    WITH shopper AS (
        SELECT id, session FROM catalog_event
        WHERE product_id = %(product)s AND session <> '' AND type <> 'wrong'
        ORDER BY id DESC LIMIT %(shoppers)s)
    SELECT next.product_id
    FROM shopper CROSS JOIN LATERAL (
        SELECT product_id, origin, type FROM catalog_event
        WHERE session = shopper.session AND session <> '' AND id > shopper.id
        ORDER BY id LIMIT %(each)s) next
    WHERE next.product_id <> %(product)s AND next.type <> 'wrong' AND next.origin <> ''
    GROUP BY next.product_id HAVING count(DISTINCT next.origin) >= %(origins)s
    ORDER BY count(DISTINCT next.origin) DESC, next.product_id LIMIT %(products)s
"""
MAX_SHOPPERS = 300
MAX_EACH = 10  # events of a shopper
MIN_ORIGINS = 3  # who opened both products; fewer say little, and might be recognised
MAX_PRODUCTS = 6


def products_opened_next(pk: int) -> list[int]:
    """Returns at most MAX_PRODUCTS ids of products that shoppers opened after the product `pk` in
    the same session, the most often opened first."""
    limits = {
        "product": pk,
        "shoppers": MAX_SHOPPERS,
        "each": MAX_EACH,
        "origins": MIN_ORIGINS,
        "products": MAX_PRODUCTS,
    }
    with connection.cursor() as cursor:
        cursor.execute(OPENED_NEXT, limits)
        return [product for (product,) in cursor.fetchall()]
