"""Settings, addresses, start-up. Imported before all else, so that what must be set before numpy is
loaded is set here."""

import os

# Vectors here are small: more threads gain nothing, and spin on the cores that others wait for.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
