"""Example catalogues. Other packages use `load` (722 products with photos) and `synthetic` (up to
millions of products without photos, for benchmarks)."""
