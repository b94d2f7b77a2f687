"""Drift: how far shoppers' photos and the photos of the catalogue have moved since the match levels
of the live index were calibrated.

Others use `measuring` (`measure_drift`, `drift_now`), `alarm_benchmark` (`measure_alarms`) and
`two_samples.ALARM_SHARE`.
"""
