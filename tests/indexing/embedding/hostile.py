"""Endings that make a photo kill or hang its decoder (see `tests.support.offline_process`)."""

KILLS = b"this photo kills its decoder"
HANGS = b"this photo hangs its decoder"
