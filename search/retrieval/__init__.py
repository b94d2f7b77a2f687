"""Candidates from the database: near in the graph, through the filters, with their facets.

Others use `candidates` (`retrieve`, `Candidate`) and `facets.facets_of`.
"""
