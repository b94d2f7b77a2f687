"""Reads, decodes and keeps the photo of a query, and embeds the query.

Others use `query_photos` (`read_query_photos`, `keep_photo`), `photo_decoding.decode_query`,
`vector.embed_query` and `preview.get_preview`.
"""
