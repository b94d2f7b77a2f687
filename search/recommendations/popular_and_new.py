"""What is popular and new: all that is known to a stranger, and what fills up for others."""

from psycopg.sql import SQL, Composable, Identifier, Literal

from catalog.index.prepared_sql import fetch_rows
from catalog.index.search_statement import ProductCondition
from search.retrieval.products import ORDER_BY

FOUND_IN_CATEGORY = 60  # products of the category that come first
FOUND = 60
SORTS = {"popular": ORDER_BY["relevance"], "new": ORDER_BY["-created"]}
COLUMNS = SQL("id, category_id, popularity, created_at")
# All lists in one statement. If few products pass, they are found once; else each list reads its
# index until it is full.
LISTS = SQL("WITH passing AS {how} ({passing}) SELECT {lists}")
LIST = SQL("ARRAY(SELECT id FROM passing {where} ORDER BY {order} LIMIT {limit}) AS {name}")
LIKE_PRODUCT = SQL("WHERE category_id = (SELECT category_id FROM catalog_product WHERE id = {})")


def find_popular_and_new(
    condition: ProductCondition, narrow: bool, like_product: int | None = None
) -> dict[str, list[int]]:
    """Returns the ids of popular and of new products that fulfil the condition, by "popular" and
    "new", the first of each being those of the category of `like_product`. `narrow`: whether few
    products fulfil the condition."""
    parts: list[tuple[Composable, int]] = [(SQL(""), FOUND)]
    if like_product is not None:
        parts.insert(0, (LIKE_PRODUCT.format(Literal(like_product)), FOUND_IN_CATEGORY))
    lists = [
        LIST.format(where=where, order=order, limit=Literal(limit), name=Identifier(f"{name}_{n}"))
        for name, order in SORTS.items()
        for n, (where, limit) in enumerate(parts)
    ]
    statement = LISTS.format(
        how=SQL("MATERIALIZED" if narrow else "NOT MATERIALIZED"),
        passing=condition.select(COLUMNS),
        lists=SQL(", ").join(lists),
    )
    [row] = fetch_rows(statement, [])
    found = row._asdict()
    return {
        name: list(dict.fromkeys(pk for n in range(len(parts)) for pk in found[f"{name}_{n}"]))
        for name in SORTS
    }
