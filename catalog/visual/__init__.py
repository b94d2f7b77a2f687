"""Images and words to vectors. Others use `load_encoder.load_encoder`, `encoder.Encoder`, `errors`,
`preprocessing`, `projection` and `adapter`; the rest is private to this folder."""
