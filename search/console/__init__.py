"""The pages of the online side in the console: the log of searches with its analytics, a query step
by step, and where a product stands in the results of a search."""
