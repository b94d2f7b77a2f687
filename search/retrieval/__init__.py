"""Retrieves candidates from the database: the nearest products that pass the filters, with facets.

Others use `candidates` (`retrieve`, `Candidate`), `facets.read_facets` and
`variant_choice.choose_variants`.
"""
