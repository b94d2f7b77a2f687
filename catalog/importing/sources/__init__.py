"""Feeds of sources: where they are, and what they said before.

Others use `feed_files` (`open_feed_place`, `check_place`), `source_import` (`SourceImport`,
`TooManyMissing`, `SourceGone`) and `source_options` (`options_of`).
"""
