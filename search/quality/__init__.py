"""Measures the quality and the speed of searches. Others use `evaluation` and
`search_benchmark`."""
