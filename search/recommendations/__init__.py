"""Recommendations, online: what a shopper did a moment ago decides what is shown next.

Others use `experiments` (`recommend_and_count`, `count_clicks`), `recommending.recommend`,
`rankings.RANKINGS` and `related_products.goes_with`.
"""
