"""Imports products from files into the catalogue. Others use `files.import_file`, which raises
`files.ImportFailed`, `files.READERS`, which lists the formats, and `upsert.upsert_products`."""
