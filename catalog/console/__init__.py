"""Base classes of admin classes, and the admin classes of tags, searches and clicks.

Other admin classes build on `base` and `product_photos`; `error_pages.ConsoleErrors` is a
middleware.
"""
