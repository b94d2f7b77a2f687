"""What photos end with that do harm to whoever decodes them (see `offline_process`)."""

KILLS = b"this photo kills its decoder"
HANGS = b"this photo hangs its decoder"
