"""Recommendations, offline: what people did becomes factors of products.

Others use `synthetic_history`.
"""
