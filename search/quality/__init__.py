"""How good searches are, and how fast. Others use `evaluation` and `benchmark`, as commands do."""
