"""The table of vectors and the graph that each generation has.

Others use `table_ddl` (create, drop, build the graph), `table_rows` (fill, keep in step) and
`orphans.remove_orphans`.
"""
