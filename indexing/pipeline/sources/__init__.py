"""Pulls the feeds of sources, and takes imports back, as runs of the ledger.

Others use `import_run` (`start_imports`, `plan_imports`, `perform_import`, `has_requests`),
`source_actions`, what operators do, `source_command` (`index sources`), and `pull_schedule`
(`next_pull`, `is_cron`, `refresh_is_wanted`). Rows say what is asked for: a source is due, an
import is to be undone.
"""
