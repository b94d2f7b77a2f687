"""Retrieves candidates from the database: the nearest products that pass the filters, with facets.

Others use `candidates` (`retrieve`, `Candidate`) and `facets.read_facets`.
"""
