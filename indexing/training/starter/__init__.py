"""The starter encoder: a 25 MB open_clip model made in minutes, without image-text pairs.

`make.make_starter_encoder` is the way in.  Its modules import torch at the top, so import
them inside the function that trains.  Needs the packages of requirements-train.txt.
"""
