"""What all lists and forms of the console share, and those of searches and clicks.

Other admins use `base` and `product_photos`. `error_pages.ConsoleErrors` is a middleware.
"""
