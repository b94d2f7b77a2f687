"""Feeds of sources: where they are, and what they said before. Feeds that operators upload.

Others use `feed_files` (`open_feed_place`, `check_place`), `source_import` (`SourceImport`,
`TooManyMissing`, `SourceGone`), `source_options` (`options_of`), `source_preview`
(`preview_source`) and `uploaded_feeds` (`keep_feed`, `find_feed`, `preview_upload`, `remove_feed`,
`remove_old_feeds`, `UploadOptions`).
"""
