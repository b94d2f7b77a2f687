"""Recommendations, online: what a shopper did a moment ago decides what is shown next.

Others use `recommending.recommend` and `related_products.goes_with`.
"""
