"""Decodes photos from untrusted bytes.

Others use `image_decoding` (`decode_image`, `crop_to_box`, `Box`, `WHOLE`, `ImageError`,
`ImageLimits`) and `decoder_process.DecoderPool`; `image_structure` is private to this folder.
"""
