"""Retrieves candidates from the database: the nearest products that pass the filters, with facets.

Others use `candidates` (`retrieve`, `count_facets`, `measure_neighbourhoods`, `Candidate`),
`variant_choice.choose_variants` and `products` (lists without a search).
"""
