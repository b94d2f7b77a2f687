"""Makes the start model of the starter encoder, without image-text pairs.

`make.make_start` makes it; the other modules are private. It needs the packages of
requirements-train.txt.
"""
