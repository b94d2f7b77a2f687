"""How good and how fast searches are. Others use `evaluation` and `search_benchmark`."""
