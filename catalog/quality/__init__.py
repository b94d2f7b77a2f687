"""Measures searches. Both sides use all modules:

`labelled_photos` (photos whose product is known), `self_test` (photos of the catalogue that are
held out and searched for), `sampled_photos` (the products and photos that it takes), `retrieval`
(products by a vector alone), `paired_bootstrap` (the difference of two searches, with its
interval), `rate_difference` (the difference of the click rates of two rankings, with its interval),
`ranking_experiments` (two rankings that are shown to halves of the sessions).
"""
