"""Recommendations, offline: what people did becomes factors of products.

Others use `learning_factors` (`read_recent_history`, `measure_history`, `write_factors`,
`add_missing_factors`, `follow_encoder`), `factor_evaluation.failed_gates`, `factor_publishing`,
`model_status.list_models` and `synthetic_history`.
"""
