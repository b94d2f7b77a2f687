"""Imports products from files into the catalogue, and proposes their common words as tags. Others
use `files.import_file` and `files.import_lines`, which raise `files.ImportFailed` and
`errors.FeedCutOff`, `dry_run.preview_file`, which writes nothing, `formats.opening.FORMATS` and
`formats.feed.FeedOptions`, `upsert.upsert_products`, and `word_proposals.propose_words`, which both
imports of `files` call. Fetchers of photos use `photos`, `fetching` and `writing.fetched_photos`.

`formats` reads rows from files. They are checked by `records`, brought together by `rows`,
merged into products and variants and written by `writing`, batch by batch in `upsert`."""
