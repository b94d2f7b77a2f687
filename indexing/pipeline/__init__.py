"""Rebuilds and refreshes, stage by stage, and the worker that performs them.

Others use `rebuild.start_rebuild`, `refresh.start_refresh`, `worker.work_on` and
`task_queue.run_task_queue`.
"""
