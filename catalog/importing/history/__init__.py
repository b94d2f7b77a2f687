"""Imports as the database remembers them: who, when, what changed, which lines were refused, and how
to take the last one back.

Others use `recording` (`RecordedImport`, `begin_import`, `finish_import`), `undoing`
(`request_undo`, `undo_import`, `UndoRefused`) and `line_report` (`write_report`). Triggers of the
database keep the journal.
"""
