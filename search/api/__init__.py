"""The REST API of searches, products and events.

Others use `problem_details`, the errors of the API, `urls`, and `url_converters`, which registers
the converter `rowid`.
"""
