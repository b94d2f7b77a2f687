"""Imports products from files into the catalogue. Others use `files.import_file` and
`files.import_lines`, which raise `files.ImportFailed`, `files.READERS`, which lists the formats,
and `upsert.upsert_products`."""
