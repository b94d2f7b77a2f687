"""Training of the object head: `object_training` (where objects are), `single_training` (whether a
photo is of one object) and `object_transfer` (a head for an encoder that was trained further).

They import torch at the top."""
