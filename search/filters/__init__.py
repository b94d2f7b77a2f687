"""The filters that products can be narrowed by, each declared once.

Others use `declared` (`FILTERS`, `faceted_filters`, `filter_condition`, `variant_condition`), and
`kinds` and `options` to tell the kinds apart. From FILTERS they make the API's parameters, the
page's form and choices, the address to share and the facets. docs/architecture.md says how to add a
filter.
"""
