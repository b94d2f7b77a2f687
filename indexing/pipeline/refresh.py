"""Refresh: brings the live generation up to date with the products that changed."""

from collections.abc import Iterator

from django.db import transaction
from psycopg import sql

from catalog.index.live_index import (
    IndexSpace,
    encoder_of,
    live_generation,
    open_index,
    open_space,
)
from catalog.index.vector_store import vector_store
from catalog.models import ProductChange
from indexing.embedding.shared_content import embed_products
from indexing.embedding.staleness import products_to_tag, settle_changes
from indexing.embedding.tagging import tag_products
from indexing.generations.publishing import PublishedMeanwhile, hold_live_generation
from indexing.ledger import runs
from indexing.ledger.chunking import Check, Payload, StageFailed, single_chunk
from indexing.models import Chunk, IndexingRun
from indexing.quality.match_calibration import calibrate
from indexing.vectors.orphans import remove_orphans
from indexing.vectors.write_vectors import sync_products

PRODUCTS_PER_CHUNK = 100


def start_refresh() -> IndexingRun:
    """Starts a refresh, or returns the unfinished one."""
    return runs.start_run(IndexingRun.Kind.REFRESH)


def plan_refresh(run: IndexingRun) -> Iterator[tuple[Payload, int]]:
    """Plans all products with a change note, the oldest change first."""
    generation = live_generation()
    if generation is None:
        raise StageFailed("There is no live index to refresh: run 'index rebuild' first.")
    run.generation = generation
    run.save(update_fields=["generation"])
    changed = ProductChange.objects.order_by("changed_at", "product_id")
    ids = list(changed.values_list("product_id", flat=True))
    for start in range(0, len(ids), PRODUCTS_PER_CHUNK):
        part = sorted(ids[start : start + PRODUCTS_PER_CHUNK])
        yield {"products": part}, len(part)


def plan_repair(run: IndexingRun) -> Iterator[tuple[Payload, int]]:
    """Plans one chunk if the live generation's graph is missing, or invalid after a crash, or if
    the store must compare it with the table."""
    generation = live_generation()
    if generation is not None and vector_store().needs_repair(generation):
        yield from single_chunk()


def perform_repair(chunk: Chunk, check: Check) -> None:
    """Mends what the store keeps of the live generation outside of PostgreSQL, and its graph."""
    generation = live_generation()
    if generation is not None:
        vector_store().repair(generation, check)


def plan_calibrate(run: IndexingRun) -> Iterator[tuple[Payload, int]]:
    """Plans one chunk if an older version has calibrated the live index."""
    generation = live_generation()
    if generation is not None and not generation.is_calibrated:
        yield from single_chunk()


def perform_calibrate(chunk: Chunk, check: Check) -> None:
    """Calibrates the match levels of the live index."""
    generation = live_generation()
    if generation is not None:
        calibrate(generation.query_adapter or generation, open_index(generation), check)


def perform_refresh(chunk: Chunk, check: Check) -> None:
    """Embeds and tags the products of one chunk and makes them searchable. A product that changes
    meanwhile keeps its change note, and the next refresh works on it."""
    ids: list[int] = chunk.payload["products"]
    changes = list(ProductChange.objects.filter(product_id__in=ids))
    ids = [change.product_id for change in changes]  # the other changes are settled already
    generation = live_generation()
    if generation is None or not ids:
        return
    encoder = encoder_of(generation.encoder)  # not the query encoder, which may be another
    embedded = embed_products(
        ids, generation.encoder, encoder, check, careful=chunk.was_interrupted
    )
    check()
    untagged = products_to_tag(ids, embedded)
    tag_products(untagged, generation.encoder)
    check()
    try:
        _make_searchable(open_space(generation), changes)
    except PublishedMeanwhile:
        perform_refresh(chunk, check)


def _make_searchable(space: IndexSpace, changes: list[ProductChange]) -> None:
    ids = sorted(change.product_id for change in changes)
    with transaction.atomic():
        hold_live_generation(space.generation)
        sync_products(space, ids)
        remove_orphans(ids)
        read = sql.SQL(
            "SELECT * FROM unnest({ids}::bigint[], {seqs}::bigint[]) AS read (product_id, seq)"
        )
        settle_changes(
            read.format(
                ids=sql.Literal([change.product_id for change in changes]),
                seqs=sql.Literal([change.seq for change in changes]),
            )
        )
