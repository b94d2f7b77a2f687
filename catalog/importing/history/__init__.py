"""Imports as the database remembers them: who, when, what changed, which lines were refused, and
how to take the last one back.

Others use `recorded_imports` (`RecordedImport`, `recorded_import`, `begin_import`,
`finish_import`), `operators` (`command_operator`), `undoing` (`last_import`, `request_undo`,
`undo_import`, `UndoRefused`), `csv_tables` (`table_lines`) and `line_report` (`check_report`,
`report_lines`, `csv_lines`, `write_report`). Triggers of the database keep the journal.
"""
