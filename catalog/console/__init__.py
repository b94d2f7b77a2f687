"""What all lists and forms of the console share, and those of searches and clicks.

Other admins use `base` and `photos`; `errors.ConsoleErrors` is a middleware.
"""
