"""What a generation is measured by before it goes live.

Others use `gates`, `match_calibration`, `recall_metrics`, `labelled_sample` and
`indexing_benchmark`.
"""
