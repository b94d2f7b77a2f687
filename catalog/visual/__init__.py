"""Images and words to vectors. Others use `encoder.load_encoder`, `image_decoding.decode_image`,
`decoder_process.DecoderPool` and `projection`; the rest is private to this folder."""
