"""Writes the vectors of a generation, and removes the data of deleted photos and products.

Others use `write_vectors` (`fill_range`, `sync_products`), `verification.verify_generations` and
`orphans.remove_orphans`. All vectors
are written through `catalog.index.vector_store`.
"""
