"""Figures for operators: the index status and Prometheus metrics.

Others use `freshness` (`index_status`) and `metrics.metrics_text`.
"""
