"""Compares the vector store with the catalogue, and makes it equal."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from django.db import transaction

from catalog.index.live_index import open_space
from catalog.index.vector_store import Repair, no_check, vector_store
from catalog.models import Generation
from indexing.embedding.staleness import products_with_stale_vectors
from indexing.vectors.write_vectors import sync_products

PRODUCTS_PER_BATCH = 500


@dataclass(frozen=True)
class Verification:
    """What was compared and mended in a generation. `behind`: products whose vectors were not those
    of their embeddings; `repair`: what differed outside of PostgreSQL."""

    generation: Generation
    behind: int
    repair: Repair

    @property
    def was_equal(self) -> bool:
        return not self.behind and self.repair == Repair(self.repair.compared)


def verify_generations(check: Callable[[], None] = no_check) -> Iterator[Verification]:
    """Verifies the live generation, and those that can go live. Fills a store that does not have
    them yet. Searches and writes go on meanwhile. Calls `check` between its steps."""
    State = Generation.State
    kept = Generation.objects.select_related("encoder", "projection").filter(
        state__in=(State.LIVE, State.BUILT, State.RETIRED)
    )
    for generation in kept.order_by("-pk"):
        # The others catch up with changes when they are published.
        behind = _catch_up(generation, check) if generation.state == State.LIVE else 0
        yield Verification(generation, behind, vector_store().repair(generation, check))


def _catch_up(generation: Generation, check: Callable[[], None]) -> int:
    """Syncs the products whose vectors differ from their embeddings; returns their number."""
    vector_store().create(generation)
    ids = sorted(products_with_stale_vectors(generation))
    space = open_space(generation)
    for start in range(0, len(ids), PRODUCTS_PER_BATCH):
        with transaction.atomic():
            sync_products(space, ids[start : start + PRODUCTS_PER_BATCH])
        check()
    return len(ids)
