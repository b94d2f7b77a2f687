"""Catalogues to try Vitrina with. Others use `load` (722 products with photos) and `synthetic`
(millions of products without, for benchmarks)."""
