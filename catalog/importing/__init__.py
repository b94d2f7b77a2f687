"""Imports products from files into the catalogue. Others use `files.import_file`, which raises
`files.ImportFailed`, and `files.READERS`, which lists the formats."""
