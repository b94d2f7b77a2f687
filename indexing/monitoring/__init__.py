"""Figures for operators: the index status, readiness and Prometheus metrics.

Others use `freshness` (`index_status`), `health.find_problems`, `measurements` (`take_measurement`,
`read_series`), `product_diagnosis.diagnose`, `readiness.check_readiness`, `metrics.metrics_text`
and `stage_bars`.
"""
