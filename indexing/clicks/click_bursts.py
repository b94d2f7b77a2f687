"""Finds bursts: clicks that are too frequent to come from shoppers. They do not count until an
operator decides.

Each statement works on the temporary table `reported_click` of
`indexing/clicks/counted_clicks.py`."""

WINDOW_S = 10  # width of a time window
MAX_CLICKED_SEARCHES_PER_WINDOW = 10  # by one origin
MAX_PRODUCT_CLICKS_PER_WINDOW = 10  # on one product, by different origins,
MAX_SHARE_OF_DAY_PER_WINDOW = 0.05  # plus this share of the product's clicks of the day
MAX_CLICKS_PER_ORIGIN = 40  # in a day,
MAX_TIMES_MEDIAN_ORIGIN = 20  # or this multiple of the median origin's clicks, if that is more
MAX_CLICKS_PER_PRODUCT = 20  # in a day,
MAX_TIMES_USUAL_PRODUCT = 5  # plus this multiple of the product's usual clicks
MIN_OTHER_DAYS = 7  # before a product's usual clicks can be estimated

WINDOW = f"date_bin('{WINDOW_S} seconds', at, 'epoch')"
INSERT_BURSTS = """INSERT INTO catalog_clickburst AS known
        (day, reason, origin, product_id, clicks, decision, found_at)"""
UPDATE_KNOWN = """ON CONFLICT ON CONSTRAINT one_burst_of_a_reason
    DO UPDATE SET clicks = excluded.clicks
    WHERE known.clicks <> excluded.clicks"""

FIND_ORIGINS = f"""
    WITH origin_day AS (
        SELECT day, search_origin, count(*) AS clicks FROM reported_click GROUP BY 1, 2
    ), median_origin AS (
        SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY clicks) AS clicks FROM origin_day
    ), fast AS (
        SELECT DISTINCT day, search_origin, 'origin_seconds' AS reason FROM reported_click
        GROUP BY day, search_origin, {WINDOW}
        HAVING count(DISTINCT query_id) > {MAX_CLICKED_SEARCHES_PER_WINDOW}
    ), many AS (
        SELECT day, search_origin, 'origin_day' AS reason FROM origin_day, median_origin
        WHERE origin_day.clicks
            > greatest({MAX_CLICKS_PER_ORIGIN}, {MAX_TIMES_MEDIAN_ORIGIN} * median_origin.clicks)
    )
    {INSERT_BURSTS}
    SELECT day, coalesce(fast.reason, many.reason), search_origin, 0, clicks, 'open', now()
    FROM fast FULL JOIN many USING (day, search_origin) JOIN origin_day USING (day, search_origin)
    {UPDATE_KNOWN}
"""
LEAVE_OUT_ORIGINS = """
    UPDATE reported_click SET counts = FALSE FROM catalog_clickburst burst
    WHERE burst.day = reported_click.day AND burst.origin = reported_click.search_origin
        AND burst.decision <> 'count'
"""

# A burst on a product covers only the clicks within its time windows. Other clicks on the product
# still count.
MARK_FAST = f"""
    UPDATE reported_click SET is_fast = TRUE FROM (
        SELECT id, count(*) OVER (PARTITION BY product_id, {WINDOW}) AS clicks,
            count(*) OVER (PARTITION BY product_id, day) AS clicks_of_day
        FROM reported_click WHERE counts
    ) in_window
    WHERE in_window.id = reported_click.id
        AND in_window.clicks > {MAX_PRODUCT_CLICKS_PER_WINDOW}
            + {MAX_SHARE_OF_DAY_PER_WINDOW} * in_window.clicks_of_day
"""
FIND_FAST = f"""
    {INSERT_BURSTS}
    SELECT day, 'product_seconds', '', product_id, count(*), 'open', now()
    FROM reported_click WHERE is_fast GROUP BY day, product_id
    {UPDATE_KNOWN}
"""
LEAVE_OUT_FAST = """
    UPDATE reported_click SET counts = FALSE FROM catalog_clickburst burst
    WHERE is_fast AND burst.reason = 'product_seconds' AND burst.decision <> 'count'
        AND burst.day = reported_click.day AND burst.product_id = reported_click.product_id
"""

# The usual clicks of a product on a day are estimated from the clicks on all other products of that
# day. The estimate has the same ratio to them as on other days, or is their average if that is
# more. New products have only the average. Known bursts are left out first, so that an attack of
# several days does not become usual.
FIND_PRODUCTS = f"""
    WITH product_day AS (
        SELECT day, product_id, count(*)::float8 AS clicks
        FROM reported_click WHERE counts GROUP BY 1, 2
    ), day_total AS (
        SELECT day, sum(clicks) AS clicks, count(*) AS products FROM product_day GROUP BY 1
    ), product_total AS (
        SELECT product_id, sum(clicks) AS clicks FROM product_day GROUP BY 1
    ), total AS (
        SELECT sum(clicks) AS clicks, count(*) AS days FROM day_total
    ), compared AS (
        SELECT product_day.*, days, products - 1 AS others,
            day_total.clicks - product_day.clicks AS on_others,
            product_total.clicks - product_day.clicks AS on_other_days,
            total.clicks - day_total.clicks - product_total.clicks + product_day.clicks
                AS on_others_on_other_days
        FROM product_day JOIN day_total USING (day) JOIN product_total USING (product_id), total
    )
    {INSERT_BURSTS}
    SELECT day, 'product_day', '', product_id, clicks, 'open', now() FROM compared
    WHERE days > {MIN_OTHER_DAYS}
        AND clicks > {MAX_CLICKS_PER_PRODUCT} + {MAX_TIMES_USUAL_PRODUCT} * on_others
        * coalesce(greatest(1.0 / nullif(others, 0),
            on_other_days / nullif(on_others_on_other_days, 0)), 0)
    {UPDATE_KNOWN}
"""
RECOUNT_PRODUCTS = """
    UPDATE catalog_clickburst burst SET clicks = recounted.clicks FROM (
        SELECT day, product_id, count(*) AS clicks
        FROM reported_click WHERE counts GROUP BY 1, 2
    ) recounted
    WHERE burst.reason = 'product_day' AND burst.day = recounted.day
        AND burst.product_id = recounted.product_id AND burst.clicks <> recounted.clicks
"""
LEAVE_OUT_PRODUCTS = """
    UPDATE reported_click SET counts = FALSE FROM catalog_clickburst burst
    WHERE burst.reason = 'product_day' AND burst.decision <> 'count'
        AND burst.day = reported_click.day AND burst.product_id = reported_click.product_id
"""

LEAVE_OUT_ORIGIN_BURSTS = (FIND_ORIGINS, LEAVE_OUT_ORIGINS)
LEAVE_OUT_PRODUCT_BURSTS = (
    *(MARK_FAST, FIND_FAST, LEAVE_OUT_FAST),
    *(RECOUNT_PRODUCTS, LEAVE_OUT_PRODUCTS, FIND_PRODUCTS, LEAVE_OUT_PRODUCTS),
)
