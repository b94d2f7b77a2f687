"""`python -m config.embedded_postgres._guard FOLDER LOCK`: stops the server of a folder when its
last user has ended, be it killed. LOCK is an open file of the users' lock."""

import os
import sys
from pathlib import Path

from ._server import EmbeddedPostgres

if __name__ == "__main__":
    if os.fork():
        os._exit(0)  # whoever started this waits no longer
    EmbeddedPostgres(Path(sys.argv[1])).guard(int(sys.argv[2]))
