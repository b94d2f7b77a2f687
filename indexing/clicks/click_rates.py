"""How often products are opened where they are shown, corrected for their places."""

from datetime import timedelta

from django.conf import settings
from django.db import connection, transaction
from django.utils import timezone

from indexing.clicks.click_model import PLACES, fit, formula_of_settings, read_pages
from indexing.clicks.counted_clicks import tell_clicks, whole_log

LEAST_PRIOR, MOST_PRIOR = 3.0, 1000.0  # clicks; few products do not tell how they differ

# "surroundings": the first page of results, a further one, the lookalikes of a product. How places
# compare is known within a list; how many clicks such a list brings at all is counted here.
# An origin's looks at a product count once, at the place looked at most, as its clicks do: so no
# origin moves a rate further than one shopper can.
COUNT = f"""
    CREATE TEMPORARY TABLE counted AS
    WITH seen AS (
        SELECT coalesce(nullif(search.origin, ''), search.query_id) AS shown_to, shown.product_id,
            surroundings, count(click.id) AS clicks, max(place.examination) AS looks
        FROM catalog_loggedsearch search
        CROSS JOIN LATERAL (SELECT CASE WHEN search.kind = 'product' THEN 2
            WHEN search."offset" > 0 THEN 1 ELSE 0 END) list (surroundings)
        CROSS JOIN LATERAL unnest(search.products) WITH ORDINALITY AS shown (product_id, number)
        JOIN unnest(%(examination)s::float8[]) WITH ORDINALITY AS place (examination, number)
            ON place.number = least(search."offset" + shown.number, {PLACES})
                + CASE WHEN search.kind = 'product' THEN {PLACES} ELSE 0 END
        LEFT JOIN told_click click ON click.counts AND click.query_id = search.query_id
            AND click.product_id = shown.product_id
        WHERE search.at >= %(since)s AND search.sort = 'relevance'
        GROUP BY 1, 2, 3
    )
    SELECT product_id, surroundings, sum(clicks) AS clicks, sum(looks) AS looks
    FROM seen GROUP BY 1, 2
"""
# How products differ beside chance tells the prior: with Poisson clicks whose rates are gamma
# distributed around 1 with shape a, (clicks - expected)² is expected + expected² / a on average.
WRITE = f"""
    WITH usual AS (
        SELECT surroundings, sum(clicks) / nullif(sum(looks), 0) AS per_look
        FROM counted GROUP BY 1
    ), product AS (
        SELECT product_id, sum(clicks) AS clicks, sum(looks * coalesce(per_look, 0)) AS expected
        FROM counted JOIN usual USING (surroundings) GROUP BY 1
    ), prior AS (
        SELECT least({MOST_PRIOR}, greatest({LEAST_PRIOR}, coalesce(sum(expected ^ 2)
            / nullif(greatest(sum((clicks - expected) ^ 2 - expected), 0), 0), {MOST_PRIOR})))
            AS clicks
        FROM product
    ), ratio AS (
        SELECT product_id, product.clicks, expected,
            (product.clicks + prior.clicks) / (expected + prior.clicks) AS value
        FROM product, prior
    )
    INSERT INTO catalog_clickrate AS known (product_id, clicks, expected, rate)
    SELECT product_id, clicks, expected, value / (1 + value) FROM ratio
    ON CONFLICT (product_id) DO UPDATE
        SET clicks = excluded.clicks, expected = excluded.expected, rate = excluded.rate
        WHERE known.clicks <> excluded.clicks
            OR abs(known.expected - excluded.expected) > 0.01 * (1 + excluded.expected)
            OR abs(known.rate - excluded.rate) > 0.001
"""
FORGET = """
    DELETE FROM catalog_clickrate rate
    WHERE NOT EXISTS (SELECT FROM counted WHERE counted.product_id = rate.product_id)
"""


def update_click_rates() -> int:
    """Writes the rates of all products that were shown by relevance while the log is kept; gives
    how many there are.

    A rate compares a product's clicks with those that a usual product had got in its places, both
    with a prior added (gamma-Poisson, by moments: Clayton, Kaldor, 1987). A ratio r is the rate
    r / (1 + r): 0.5 for as many as usual, 0.67 for twice as many. One statement counts, so that
    memory does not grow with the log; rows that say the same are not written again."""
    since = timezone.now() - timedelta(days=settings.SEARCH_LOG_DAYS)
    examination = places_looked_at()
    with transaction.atomic(), connection.cursor() as cursor:
        tell_clicks(cursor, since)
        with whole_log(cursor):
            cursor.execute(COUNT, {"since": since, "examination": examination})
        cursor.execute(WRITE)
        cursor.execute(FORGET)
        cursor.execute("SELECT count(DISTINCT product_id) FROM counted")
        (products,) = cursor.fetchone()
        cursor.execute("DROP TABLE counted")
    return products


def places_looked_at() -> list[float]:
    """How often each place is looked at, as `ClickModel.examination`, by the clicks in the log."""
    names, formula = formula_of_settings()
    return fit(read_pages(names), formula).examination.tolist()
