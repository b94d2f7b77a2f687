"""What is searched for: the photo of a query, decoded and kept for a while, and its vector.

Others use `photos` (`query_photos`, `keep_photo`), `decoding` (`decode_query`, `checked_box`),
`vector.embed_query` and `preview.photo_preview`.
"""
