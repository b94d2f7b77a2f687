"""Products from files into the catalogue. Others use `files.import_file` and
`upsert.upsert_products`."""
