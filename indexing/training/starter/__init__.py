"""The beginning of the starter encoder, without image-text pairs: `make.make_start` is the way in.
Its modules import torch at the top, so import them inside the function that trains. Needs the
packages of requirements-train.txt.
"""
