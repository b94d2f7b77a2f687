"""The stage of both kinds of run that collects the words and names that searches know."""

from collections.abc import Iterator

from catalog.index.search_terms import collect_terms
from catalog.models import SearchTerm
from indexing.ledger.chunking import Check, Payload, single_chunk
from indexing.models import Chunk, IndexingRun


def plan_terms(run: IndexingRun) -> Iterator[tuple[Payload, int]]:
    """Plans one chunk if the run has worked on products or tags, or if no terms are known."""
    if run.chunks.exists() or not SearchTerm.objects.exists():
        yield from single_chunk()


def perform_terms(chunk: Chunk, check: Check) -> None:
    """Collects the terms."""
    collect_terms()
