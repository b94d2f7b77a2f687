"""Object detection: which objects are in a photo, and which of them a search uses.

Others use `detector` (the interface, and `detector_for`), `photo_analysis` (the vectors of a photo
and its objects) and, for training, `object_head`. Another detector is one more file with a
subclass of `detector.Detector`, which the setting DETECTOR then names.
"""
