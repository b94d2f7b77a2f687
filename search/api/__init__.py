"""The REST API of searches, products and events.

Others use `problem_details`, the errors of the API, `senders`, who may see which history, and
`urls`.
"""
