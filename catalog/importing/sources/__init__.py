"""Feeds of sources: where they are, and what they said before. Feeds that operators upload.

Others use `feed_files` (`open_feed_place`, `check_place`, `count_rows`), `source_import`
(`SourceImport`, `TooManyMissing`, `SourceGone`), `reading_options` (`ReadingOptions`, `options_of`,
`options_checksum`), `source_preview` (`preview_source`) and `uploaded_feeds` (`keep_feed`,
`find_feed`, `preview_upload`, `remove_feed`, `remove_old_feeds`).
"""
