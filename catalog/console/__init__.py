"""Base classes of admin classes, and the admin classes of tags, searches, clicks and users.

Other admin classes build on `base`, `product_photos` and `product_variants`.
`rights.may` decides who may do what, and `audit_log` records it. `translated_names` gives models
and fields the language of the reader, and `stored_sentences` translates what is stored in English.
`page_benchmark` measures the pages. `error_pages.ConsoleErrors` is a middleware.
"""
