"""Encoders as networks of torch: open_clip models, layers that open_clip does not have, rounding to
8 bits.

The folder above and training use all modules. Searches run compiled encoders and import none of
them.
"""
