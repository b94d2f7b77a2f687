"""Rebuild: builds a new generation beside the live one, stage by stage. The live generation stays
live until the new one has passed its gates and replaces it."""

import logging
from collections.abc import Iterator
from itertools import islice

import numpy as np
from django.conf import settings
from django.db import connection, transaction
from django.utils.translation import gettext as _
from psycopg import sql

from catalog.index.live_index import encoder_of, live_generation, open_index, open_space
from catalog.index.vector_store import vector_store
from catalog.index.vectors import read_rows
from catalog.models import EncoderVersion, Generation, Projection
from catalog.visual.projection import fit_from_moment
from indexing.adapters.fitting import AdapterError
from indexing.embedding.shared_content import embed_products
from indexing.embedding.staleness import (
    forget_tags,
    products_to_embed,
    products_with_stale_vectors,
    stale_images,
)
from indexing.generations import publishing
from indexing.generations.adoption import adopt_encoder
from indexing.generations.encoder_registry import default_encoder, register_encoder
from indexing.ledger import runs
from indexing.ledger.chunking import (
    Check,
    Payload,
    StageFailed,
    product_ranges,
    products_by_popularity,
    single_chunk,
)
from indexing.models import Chunk, IndexingRun
from indexing.quality import gates
from indexing.vectors.write_vectors import fill_range, sync_products

log = logging.getLogger("vitrina.indexing")

MAX_FIT_EMBEDDINGS = 50_000  # in the sample that a projection is fitted on
EMBEDDINGS_PER_READ = 2_000
VECTORS_PER_CHUNK = 20_000
PRODUCTS_PER_BATCH = 500


def start_rebuild(encoder: str = "", publish: bool = True, at_once: bool = False) -> IndexingRun:
    """Starts a rebuild with the encoder of that name (by default `default_encoder`), or returns the
    unfinished rebuild. With `at_once`, this encoder encodes queries through an adapter from the
    first stage on, if the adapter passes its gates. Raises RunConflict if the unfinished rebuild
    has other options."""
    run = runs.start_run(
        IndexingRun.Kind.REBUILD,
        encoder=encoder or default_encoder(),
        publish=publish,
        at_once=at_once,
    )
    is_other = (encoder and run.encoder != encoder) or (at_once and not run.at_once)
    if is_other or run.publish != publish:
        raise runs.RunConflict(
            _("Rebuild %(number)s, with other options, is under way: let it finish or cancel it.")
            % {"number": run.pk}
        )
    return run


def plan_adapt(run: IndexingRun) -> Iterator[tuple[Payload, int]]:
    """Plans one chunk if the run is `at_once` and its encoder does not encode queries yet."""
    live = live_generation()
    if not run.at_once or live is None:
        return
    if register_encoder(run.encoder) not in (live.encoder, live.query_encoder):
        yield from single_chunk()


def perform_adapt(chunk: Chunk, check: Check) -> None:
    """Lets the new encoder query the live index while its own generation is built. If no adapter
    can be fitted, or it does not pass its gates, searches do not change and the rebuild goes on."""
    try:
        adopt_encoder(chunk.run.encoder, check, careful=chunk.was_interrupted)
    except (AdapterError, publishing.PublishingError) as error:
        log.warning("%s is not adopted at once: %s", chunk.run.encoder, error)


def plan_embed(run: IndexingRun) -> Iterator[tuple[Payload, int]]:
    """Plans the products to embed, the most popular first."""
    version = register_encoder(run.encoder)
    if run.generation is None:
        run.generation = Generation.objects.create(
            encoder=version,
            hnsw_m=settings.HNSW_M,
            hnsw_ef_construction=settings.HNSW_EF_CONSTRUCTION,
        )
        run.save(update_fields=["generation"])
    return products_by_popularity(products_to_embed(version), settings.CHUNK_IMAGES)


def perform_embed(chunk: Chunk, check: Check) -> None:
    """Embeds the stale images of the chunk's products."""
    version, ids = _generation_of(chunk.run).encoder, chunk.payload["products"]
    forget_tags(embed_products(ids, version, encoder_of(version), check, chunk.was_interrupted))


def plan_project(run: IndexingRun) -> Iterator[tuple[Payload, int]]:
    generation = _generation_of(run)
    if not _count_embeddings(generation.encoder):
        raise StageFailed("There is nothing to index: no product has an image that can be read.")
    return single_chunk()


def perform_project(chunk: Chunk, check: Check) -> None:
    """Fits the projection on a sample of the encoder's embeddings."""
    generation = _generation_of(chunk.run)
    if generation.projection_id:
        return
    share = min(100.0, 100.0 * MAX_FIT_EMBEDDINGS / _count_embeddings(generation.encoder) * 1.05)
    query = sql.SQL(
        "SELECT vector FROM catalog_embedding TABLESAMPLE BERNOULLI ({share}) REPEATABLE (1)"
        " WHERE encoder_id = {encoder} LIMIT {limit}"
    ).format(
        share=sql.Literal(share),
        encoder=sql.Literal(generation.encoder_id),
        limit=sql.Literal(MAX_FIT_EMBEDDINGS),
    )
    size = generation.encoder.dimensions
    moment, count = np.zeros((size, size)), 0
    rows = read_rows(query, ["halfvec"])
    while part := [row[0] for row in islice(rows, EMBEDDINGS_PER_READ)]:
        vectors = np.stack(part).astype(np.float64)
        moment += vectors.T @ vectors
        count += len(part)
    fitted = fit_from_moment(moment, settings.VECTOR_DIMENSIONS)
    check()
    with transaction.atomic():
        current = Generation.objects.select_for_update().get(pk=generation.pk)
        if current.projection_id:
            return  # another worker was faster, and vectors may have been made with its projection
        current.projection = Projection.objects.create(
            encoder=generation.encoder,
            dimensions=settings.VECTOR_DIMENSIONS,
            matrix=fitted.matrix.tobytes(),
            checksum=fitted.checksum,
            sample=count,
            explained=fitted.explained,
        )
        current.save(update_fields=["projection"])


def plan_vectors(run: IndexingRun) -> Iterator[tuple[Payload, int]]:
    """Creates the vector table, and plans ranges of all embedded products."""
    generation = _generation_of(run)
    vector_store().create(generation)
    query = sql.SQL("SELECT product_id FROM catalog_embedding WHERE encoder_id = {encoder}")
    embedded = query.format(encoder=sql.Literal(generation.encoder_id))
    return product_ranges(embedded, VECTORS_PER_CHUNK)


def perform_vectors(chunk: Chunk, check: Check) -> None:
    fill_range(open_space(_generation_of(chunk.run)), chunk.payload["first"], chunk.payload["last"])


def plan_graph(run: IndexingRun) -> Iterator[tuple[Payload, int]]:
    return single_chunk()


def perform_graph(chunk: Chunk, check: Check) -> None:
    vector_store().build_graph(_generation_of(chunk.run))


def plan_catch_up(run: IndexingRun) -> Iterator[tuple[Payload, int]]:
    """Plans the products that changed during the run: products with stale images, and products with
    embeddings that are not in the vector store yet."""
    generation = _generation_of(run)
    stale = {image.product_id for image in stale_images(generation.encoder)}
    ids = sorted(stale | set(products_with_stale_vectors(generation)))
    for start in range(0, len(ids), PRODUCTS_PER_BATCH):
        part = ids[start : start + PRODUCTS_PER_BATCH]
        yield {"products": part}, len(part)


def perform_catch_up(chunk: Chunk, check: Check) -> None:
    """Embeds the stale images of the chunk's products, and brings their vectors up to date."""
    generation, ids = _generation_of(chunk.run), chunk.payload["products"]
    version = generation.encoder
    embed_products(ids, version, encoder_of(version), check, chunk.was_interrupted)
    with transaction.atomic():
        sync_products(open_space(generation), ids)


def plan_evaluate(run: IndexingRun) -> Iterator[tuple[Payload, int]]:
    return single_chunk()


def perform_evaluate(chunk: Chunk, check: Check) -> None:
    generation = _generation_of(chunk.run)
    _count_vectors(generation)
    gates.evaluate_generation(open_index(generation), check)


def plan_publish(run: IndexingRun) -> Iterator[tuple[Payload, int]]:
    return single_chunk()


def perform_publish(chunk: Chunk, check: Check) -> None:
    """Marks the generation as built or rejected by its evaluation. Publishes it if it passed and
    the run should publish."""
    generation = _generation_of(chunk.run)
    evaluation = generation.evaluations.first()
    passed = evaluation is not None and evaluation.passed
    # Only a generation that is still being built changes: a late worker must not undo a switch.
    Generation.objects.filter(pk=generation.pk, state=Generation.State.BUILDING).update(
        state=Generation.State.BUILT if passed else Generation.State.REJECTED
    )
    generation.refresh_from_db(fields=["state"])
    if not passed:
        reason = generation.note or "it was not evaluated"
        log.warning("generation %s is rejected: %s", generation.pk, reason)
    elif chunk.run.publish:
        if generation.state == Generation.State.BUILT:
            publishing.publish_generation(generation)
        publishing.drop_retired_generations()


def _generation_of(run: IndexingRun) -> Generation:
    return Generation.objects.select_related("encoder", "projection").get(indexingrun=run)


def _count_embeddings(version: EncoderVersion) -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM catalog_embedding WHERE encoder_id = %s", [version.pk])
        return cursor.fetchone()[0]


def _count_vectors(generation: Generation) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            sql.SQL(
                "SELECT count(*), count(DISTINCT product_id) FROM ({contents}) AS stored"
            ).format(contents=vector_store().contents(generation))
        )
        generation.images, generation.products = cursor.fetchone()
    generation.save(update_fields=["images", "products"])
