"""Click rates of products, corrected for position bias."""

from datetime import timedelta

from django.conf import settings
from django.db import connection, transaction
from django.utils import timezone

from indexing.clicks.click_model import (
    POSITIONS,
    fit_click_model,
    read_pages,
    read_ranking_formula,
)
from indexing.clicks.counted_clicks import create_reported_clicks, disable_nested_loops

MIN_PRIOR_CLICKS, MAX_PRIOR_CLICKS = 3.0, 1000.0  # estimates from few products are unreliable

# There are three kinds of list: the first page of results, a further page, and the similar products
# of a product. The examination probabilities compare positions within a list; this statement counts
# the clicks per view of each kind. All views of a product by one origin count as one view, with the
# highest examination probability, as its clicks count once. No origin can therefore move a rate
# further than one shopper.
COUNT_CLICKS = f"""
    CREATE TEMPORARY TABLE counted AS
    WITH viewed AS (
        SELECT coalesce(nullif(search.origin, ''), search.query_id) AS search_origin,
            shown.product_id, list_kind, count(click.id) AS clicks,
            max(position.examination) AS views
        FROM catalog_loggedsearch search
        CROSS JOIN LATERAL (SELECT CASE WHEN search.kind = 'product' THEN 2
            WHEN search."offset" > 0 THEN 1 ELSE 0 END) list (list_kind)
        CROSS JOIN LATERAL unnest(search.products) WITH ORDINALITY AS shown (product_id, number)
        JOIN unnest(%(examination)s::float8[]) WITH ORDINALITY AS position (examination, number)
            ON position.number = least(search."offset" + shown.number, {POSITIONS})
                + CASE WHEN search.kind = 'product' THEN {POSITIONS} ELSE 0 END
        LEFT JOIN reported_click click ON click.counts AND click.query_id = search.query_id
            AND click.product_id = shown.product_id
        WHERE search.at >= %(since)s AND search.sort = 'relevance'
        GROUP BY 1, 2, 3
    )
    SELECT product_id, list_kind, sum(clicks) AS clicks, sum(views) AS views
    FROM viewed GROUP BY 1, 2
"""
# The prior is estimated by moments: for Poisson clicks whose rates are gamma distributed around 1
# with shape a, the mean of (clicks - expected)² is expected + expected² / a.
WRITE_RATES = f"""
    WITH average AS (
        SELECT list_kind, sum(clicks) / nullif(sum(views), 0) AS per_view
        FROM counted GROUP BY 1
    ), product AS (
        SELECT product_id, sum(clicks) AS clicks, sum(views * coalesce(per_view, 0)) AS expected
        FROM counted JOIN average USING (list_kind) GROUP BY 1
    ), prior AS (
        SELECT least({MAX_PRIOR_CLICKS}, greatest({MIN_PRIOR_CLICKS}, coalesce(sum(expected ^ 2)
            / nullif(greatest(sum((clicks - expected) ^ 2 - expected), 0), 0), {MAX_PRIOR_CLICKS})))
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
DELETE_UNSHOWN = """
    DELETE FROM catalog_clickrate rate
    WHERE NOT EXISTS (SELECT FROM counted WHERE counted.product_id = rate.product_id)
"""


def update_click_rates() -> int:
    """Writes the click rates of all products shown by relevance in the last SEARCH_LOG_DAYS, and
    returns the number of these products.

    The ratio r compares a product's clicks with those that an average product would have had in its
    positions, both with a prior added (gamma-Poisson, by moments: Clayton, Kaldor, 1987). The rate
    is r / (1 + r): 0.5 for as many clicks as average, 0.67 for twice as many. One statement counts
    the clicks, so that memory does not grow with the log. Unchanged rows are not written again."""
    since = timezone.now() - timedelta(days=settings.SEARCH_LOG_DAYS)
    examination = estimate_examination()
    with transaction.atomic(), connection.cursor() as cursor:
        create_reported_clicks(cursor, since)
        with disable_nested_loops(cursor):
            cursor.execute(COUNT_CLICKS, {"since": since, "examination": examination})
        cursor.execute(WRITE_RATES)
        cursor.execute(DELETE_UNSHOWN)
        cursor.execute("SELECT count(DISTINCT product_id) FROM counted")
        (products,) = cursor.fetchone()
        cursor.execute("DROP TABLE counted")
    return products


def estimate_examination() -> list[float]:
    """Returns `ClickModel.examination`, fitted to the clicks in the log."""
    names, formula = read_ranking_formula()
    return fit_click_model(read_pages(names), formula).examination.tolist()
