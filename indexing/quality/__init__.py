"""Measures generations before they go live, and the speed of the offline side.

Other packages use `gates`, `generation_self_test`, `encoder_comparison`, `training_result`,
`match_calibration`, `tag_calibration`, `recall_metrics`, `labelled_sample` and
`indexing_benchmark`.
"""
