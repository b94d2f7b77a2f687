"""Photos from bytes, however hostile these are. Others use `image_decoding.decode_image` and
`decoder_process.DecoderPool`; `image_structure` is private to this folder."""
