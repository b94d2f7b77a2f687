"""Base classes of admin classes, and the admin classes of tags, searches and clicks.

Other admin classes build on `base`, `product_photos` and `product_variants`;
`error_pages.ConsoleErrors` is a middleware.
"""
