"""What all calls of the REST API share: keys, limits, cross-origin requests and errors.

Others use `base_view`, the base class of every call, `access_keys`, which makes and revokes keys,
`call_limits`, `request_origin`, `problems`, `parsers`, and `url_converters`, which registers the
converter `rowid`.
"""
