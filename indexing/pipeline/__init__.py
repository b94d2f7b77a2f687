"""Rebuilds, refreshes, trainings and fetches, stage by stage, and the worker that performs them.

Others use `rebuild.start_rebuild`, `refresh.start_refresh`, `training_run`,
`fetch_stage.start_fetch`, `worker.work_on` and `task_queue.run_task_queue`.
"""
