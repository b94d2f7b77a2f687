"""Measures generations before they go live, and the speed of the offline side.

Other packages use `gates`, `match_calibration`, `recall_metrics`, `labelled_sample` and
`indexing_benchmark`.
"""
