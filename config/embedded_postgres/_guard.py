"""`python -m config.embedded_postgres._guard FOLDER LOCK` stops the server of a folder when its
last user has ended, even if it was killed. LOCK is the descriptor of the users' lock file."""

import os
import sys
from pathlib import Path

from ._server import EmbeddedPostgres

if __name__ == "__main__":
    if os.fork():
        os._exit(0)  # the caller waits for this process only
    EmbeddedPostgres(Path(sys.argv[1])).stop_after_last_user(int(sys.argv[2]))
