"""The live index, the vector store, and the search statement. Both sides use all modules:

`live_index` (which generation is live, and how queries reach its space), `vector_store` (writes and
searches vectors), `stores` (what implements it), `search_statement` (the search as SQL),
`word_statement` (its parts that find products by words), `search_terms` (words and names that
searches know), `prepared_sql`, `vectors` (arithmetic, and COPY in and out of the database),
`vocabulary` (tags by the words of products), `photo_tags` (tags by what photos show), `match` (what
decides how well a result matches).
"""
