"""Clicks that come too thick to be shoppers': set aside until an operator decides.

Each statement works on the temporary table `told_click` of `indexing/clicks/counted_clicks.py`."""

SECONDS = 10  # of searches that were clicked
SEARCHES_IN_SECONDS = 10  # of one origin
CLICKS_IN_SECONDS = 10  # on one product, by different origins
SHARE_IN_SECONDS = 0.05  # of the product's clicks of the day, on top
CLICKS_IN_A_DAY = 40  # of one origin
TIMES_AN_ORIGIN = 20  # the clicks of the median origin
PRODUCT_IN_A_DAY = 20  # clicks, and on top
TIMES_A_PRODUCT = 5  # what is usual for it
LEAST_DAYS = 7  # beside a day say what is usual

BIN = f"date_bin('{SECONDS} seconds', at, 'epoch')"
ADD = """INSERT INTO catalog_clickburst AS known
        (day, reason, origin, product_id, clicks, decision, found_at)"""
AGAIN = """ON CONFLICT ON CONSTRAINT one_burst_of_a_reason DO UPDATE SET clicks = excluded.clicks
    WHERE known.clicks <> excluded.clicks"""

FIND_ORIGINS = f"""
    WITH a_day AS (
        SELECT day, shown_to, count(*) AS clicks FROM told_click GROUP BY 1, 2
    ), usual AS (
        SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY clicks) AS clicks FROM a_day
    ), fast AS (
        SELECT DISTINCT day, shown_to, 'origin_seconds' AS reason FROM told_click
        GROUP BY day, shown_to, {BIN} HAVING count(DISTINCT query_id) > {SEARCHES_IN_SECONDS}
    ), many AS (
        SELECT day, shown_to, 'origin_day' AS reason FROM a_day, usual
        WHERE a_day.clicks > greatest({CLICKS_IN_A_DAY}, {TIMES_AN_ORIGIN} * usual.clicks)
    )
    {ADD}
    SELECT day, coalesce(fast.reason, many.reason), shown_to, 0, clicks, 'open', now()
    FROM fast FULL JOIN many USING (day, shown_to) JOIN a_day USING (day, shown_to)
    {AGAIN}
"""
LEAVE_OUT_ORIGINS = """
    UPDATE told_click SET counts = FALSE FROM catalog_clickburst burst
    WHERE burst.day = told_click.day AND burst.origin = told_click.shown_to
        AND burst.decision <> 'count'
"""

# On a product, only what came within the seconds is set aside: others' clicks still count.
MARK_FAST = f"""
    UPDATE told_click SET is_fast = TRUE FROM (
        SELECT id, count(*) OVER (PARTITION BY product_id, {BIN}) AS clicks,
            count(*) OVER (PARTITION BY product_id, day) AS of_the_day
        FROM told_click WHERE counts
    ) near
    WHERE near.id = told_click.id
        AND near.clicks > {CLICKS_IN_SECONDS} + {SHARE_IN_SECONDS} * near.of_the_day
"""
FIND_FAST = f"""
    {ADD}
    SELECT day, 'product_seconds', '', product_id, count(*), 'open', now()
    FROM told_click WHERE is_fast GROUP BY day, product_id
    {AGAIN}
"""
LEAVE_OUT_FAST = """
    UPDATE told_click SET counts = FALSE FROM catalog_clickburst burst
    WHERE is_fast AND burst.reason = 'product_seconds' AND burst.decision <> 'count'
        AND burst.day = told_click.day AND burst.product_id = told_click.product_id
"""

# What is usual for a product on a day follows from all other products: as many times the clicks of
# theirs as on other days; for a new product, the average of theirs. Earlier bursts are left out
# before it is worked out, so that what goes on does not become usual.
FIND_PRODUCTS = f"""
    WITH a_day AS (
        SELECT day, product_id, count(*)::float8 AS clicks
        FROM told_click WHERE counts GROUP BY 1, 2
    ), of_day AS (
        SELECT day, sum(clicks) AS clicks, count(*) AS products FROM a_day GROUP BY 1
    ), of_product AS (
        SELECT product_id, sum(clicks) AS clicks FROM a_day GROUP BY 1
    ), whole AS (
        SELECT sum(clicks) AS clicks, count(*) AS days FROM of_day
    ), beside AS (
        SELECT a_day.*, days, products - 1 AS others, of_day.clicks - a_day.clicks AS on_others,
            of_product.clicks - a_day.clicks AS on_other_days,
            whole.clicks - of_day.clicks - of_product.clicks + a_day.clicks AS on_others_then
        FROM a_day JOIN of_day USING (day) JOIN of_product USING (product_id), whole
    )
    {ADD}
    SELECT day, 'product_day', '', product_id, clicks, 'open', now() FROM beside
    WHERE days > {LEAST_DAYS} AND clicks > {PRODUCT_IN_A_DAY} + {TIMES_A_PRODUCT} * on_others
        * coalesce(greatest(1.0 / nullif(others, 0), on_other_days / nullif(on_others_then, 0)), 0)
    {AGAIN}
"""
RECOUNT_PRODUCTS = """
    UPDATE catalog_clickburst burst SET clicks = told.clicks FROM (
        SELECT day, product_id, count(*) AS clicks FROM told_click WHERE counts GROUP BY 1, 2
    ) told
    WHERE burst.reason = 'product_day' AND burst.day = told.day
        AND burst.product_id = told.product_id AND burst.clicks <> told.clicks
"""
LEAVE_OUT_PRODUCTS = """
    UPDATE told_click SET counts = FALSE FROM catalog_clickburst burst
    WHERE burst.reason = 'product_day' AND burst.decision <> 'count'
        AND burst.day = told_click.day AND burst.product_id = told_click.product_id
"""

OF_ORIGINS = (FIND_ORIGINS, LEAVE_OUT_ORIGINS)
OF_PRODUCTS = (
    *(MARK_FAST, FIND_FAST, LEAVE_OUT_FAST),
    *(RECOUNT_PRODUCTS, LEAVE_OUT_PRODUCTS, FIND_PRODUCTS, LEAVE_OUT_PRODUCTS),
)
