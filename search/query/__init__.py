"""What is searched for: the photo of a query, decoded and kept for a while, and its vector.

Others use `query_photos` (`query_photos`, `keep_photo`), `photo_decoding` (`decode_query`,
`checked_box`), `vector.embed_query` and `preview.photo_preview`.
"""
