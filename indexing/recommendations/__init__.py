"""Recommendations, offline: what people did becomes factors of products.

Others use `learning_factors` (`read_recent_history`, `measure_history`, `write_factors`),
`factor_evaluation.failed_gates`, `factor_publishing` and `synthetic_history`.
"""
