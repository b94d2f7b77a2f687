"""The code that both sides use: products, photos, encoders, vectors and the live index.

`search` and `indexing` import from its folders, each of which says what others may use. It imports
neither of them.
"""
