"""Figures for operators: the index status, readiness and Prometheus metrics.

Others use `freshness` (`index_status`), `readiness.check_readiness`, `metrics.metrics_text` and
`stage_bars`.
"""
