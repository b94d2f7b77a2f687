"""The right that a run needs, for pages and the API."""

from catalog.console.rights import Right
from indexing.models import IndexingRun

Kind = IndexingRun.Kind
DAILY = {Kind.REFRESH, Kind.FETCH, Kind.IMPORT}


def right_for(kind: str) -> Right:
    """Returns the right to start, pause, resume and cancel runs of this kind."""
    return Right.OPERATE if kind in DAILY else Right.PUBLISH
