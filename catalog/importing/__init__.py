"""Products from files into the catalogue. Others use `import_file` and `upsert_products`."""
