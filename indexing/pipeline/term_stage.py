"""The stage of both kinds of run that collects the words and names that searches know."""

from collections.abc import Iterator

from catalog.index.search_terms import add_terms, collect_terms
from catalog.models import SearchTerm
from indexing.ledger.chunking import Check, Payload, single_chunk
from indexing.models import Chunk, IndexingRun


def plan_terms(run: IndexingRun) -> Iterator[tuple[Payload, int]]:
    """Plans one chunk for a rebuild, or if no terms are known; for a refresh, a chunk for each of
    its chunks of changed products."""
    if run.kind == IndexingRun.Kind.REBUILD or not SearchTerm.objects.exists():
        yield from single_chunk()
        return
    for payload in run.chunks.filter(stage="refresh").values_list("payload", flat=True):
        yield payload, len(payload["products"])


def perform_terms(chunk: Chunk, check: Check) -> None:
    """Adds the terms of the changed products of the chunk, or collects all terms."""
    if "products" in chunk.payload:
        add_terms(chunk.payload["products"])
    else:
        collect_terms()
