"""Pulls the feeds of sources, imports uploaded files, and takes imports back, by runs.

Others use `import_run` (`start_imports`, `plan_imports`, `perform_import`, `has_requests`),
`source_actions`, what operators do, `uploaded_imports` (`request_import`, `describe_result`,
`tidy_uploads`), `source_command` (`index sources`), and `pull_schedule` (`next_pull`, `is_cron`,
`refresh_is_wanted`). Rows say what is asked for: a source is due, an import is queued or is to be
undone.
"""
