"""Reads, decodes and keeps the photos of a query, embeds the query, and finds blank photos.

Others use `query_photos` (`read_query_photos`, `keep_photos`, `TooManyPhotos`),
`kept_photos.is_kept`, `photo_decoding` (`decode_query`, `decoded_photos`),
`targets.choose_query_targets`, `vector` (`embed_query`, `read_liked`), `words` (`read_words`,
`find_word_query`), `blank_photos` (`shows_nothing`, `encode_blanks`, `find_blank_objects`),
`suggestions.suggest`, `photo_addresses` (`names_photo`, `AddressFailed`) and `preview.get_preview`.
"""
