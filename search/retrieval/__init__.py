"""Candidates from the database: near in the graph, through the filters, with their facets.

Others use `candidates` (`retrieve`, `Candidate`), `filters.filter_sql` and `facets.facets_of`.
"""
