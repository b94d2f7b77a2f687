"""The vector stores, which implement `catalog.index.vector_store`. Others use only the names of
`product_attributes`, which lie beside the vectors of a store outside of PostgreSQL.

`vector_table` is the common part of all stores in PostgreSQL: a table of the vectors of each
generation, the comparison of few products, and the scores of those that the graph has found.
`pgvector_store` has the graph in PostgreSQL too. `qdrant_store` has it in Qdrant, which
`qdrant_points` describes; `collection_repair` makes it equal to the table. `client_points` asks a
server (and `qdrant_server` what only a server does), `edge_points` the engine in this process.
"""
