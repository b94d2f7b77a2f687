"""Pulls the feeds of sources, and takes imports back, as runs of the ledger.

Others use `import_run` (`start_imports`, `plan_imports`, `perform_import`, `has_requests`),
`source_actions`, what operators do, and `pull_schedule` (`set_next_pull`, `refresh_is_wanted`). Rows
say what is asked for: a source is due, an import is to be undone.
"""
