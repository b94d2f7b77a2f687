"""Settings, URLs and start-up. Python imports this package before numpy, so it sets the variables
that numpy reads when it is loaded."""

import os

# The vectors are small: more threads gain nothing, and their spinning takes cores from others.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
