"""The live index, and how it is asked. Both sides use all of it:

`live_index` (which generation is live, how queries reach its space), `vector_query` (the search as
SQL), `prepared_sql`, `vectors` (in and out of the database), `vocabulary` (tags by their vectors),
`match_margin` (how far a result stands out).
"""
