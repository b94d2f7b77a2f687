"""The photo of a query, which is decoded and kept for a while, and the query vector.

Others use `query_photos` (`read_query_photos`, `keep_photo`), `photo_decoding.decode_query`,
`vector.embed_query` and `preview.get_preview`.
"""
