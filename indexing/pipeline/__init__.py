"""Rebuilds and refreshes, stage by stage, and the worker that does them.

Others use `rebuild.start_rebuild`, `refresh.start_refresh` and `worker.work_on`.
"""
