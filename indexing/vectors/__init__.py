"""Vectors of a generation, and what was made of deleted photos and products.

Others use `write_vectors` (`fill_range`, `sync_products`) and `orphans.remove_orphans`. All that is
stored is written through `catalog.index.vector_store`.
"""
