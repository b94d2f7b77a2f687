"""Measures the quality and the speed of searches. Others use `evaluation`, `figures`, `floor`,
`photo_folders` and `search_benchmark`."""
