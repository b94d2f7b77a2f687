"""What all calls of the REST API share: keys, limits, cross-origin requests, repeated calls,
unchanged answers, figures and errors.

Others use `base_view`, the base class of every call, `access_keys`, which makes and revokes keys,
`call_figures`, `call_limits`, `conditional_answers`, `idempotent_calls`, `request_origin`,
`problems`, `parsers`, and `url_converters`, which registers the converter `rowid`.
"""
