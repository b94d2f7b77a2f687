"""The vector stores, which implement `catalog.index.vector_store`.

`vector_table` is their common part in PostgreSQL: a table of the vectors of each generation, the
comparison of few products, and the scores of those that the store's own graph has found.
`pgvector_store` has the graph in PostgreSQL too.
"""
