"""The model that training of the starter encoder starts from, made without image-text pairs.

`make.make_start` makes it; the other modules are private. It needs the packages of
requirements-train.txt.
"""
