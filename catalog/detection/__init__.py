"""The things in a photo, each with its box. Others use `query_objects` (which things of a photo a
search is for) and `objects`; the rest is private to the encoders and their training."""
