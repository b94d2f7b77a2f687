"""Imports products from files into the catalogue, and proposes their common words as tags. Others
use `files.import_file` and `files.import_lines`, which raise `files.ImportFailed`, `files.READERS`,
which lists the formats, `upsert.upsert_products`, and `word_proposals.propose_words`, which both
imports of `files` call."""
