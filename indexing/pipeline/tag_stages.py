"""The stages of both kinds of run that tag products."""

from collections.abc import Iterator

from django.db import connection
from psycopg import sql

from catalog.index.live_index import live_generation
from catalog.index.vocabulary import read_vocabulary
from catalog.models import EncoderVersion, Generation, TagCalibration
from indexing.embedding.staleness import (
    products_with_stale_tags,
    read_tag_sources,
    tagged_from_other_sources,
)
from indexing.embedding.tagging import tag_products
from indexing.ledger.chunking import Check, Payload, product_ranges, single_chunk
from indexing.models import Chunk, IndexingRun
from indexing.quality.tag_calibration import calibrate_tags

PRODUCTS_PER_CHUNK = 5_000
PRODUCTS_PER_BATCH = 500


def plan_calibrate(run: IndexingRun) -> Iterator[tuple[Payload, int]]:
    """Plans one chunk for a rebuild, and for a refresh if the accepted tags have changed."""
    fitted = TagCalibration.objects.filter(
        encoder=_encoder_of_run(run), vocabulary=read_vocabulary().checksum
    )
    if run.kind == IndexingRun.Kind.REBUILD or not fitted.exists():
        yield from single_chunk()


def perform_calibrate(chunk: Chunk, check: Check) -> None:
    """Calibrates the tags that photos are given."""
    calibrate_tags(_encoder_of_run(chunk.run), check)


def plan_tag(run: IndexingRun) -> Iterator[tuple[Payload, int]]:
    """Plans the products whose tags were made from other texts, tags or calibrations. A refresh has
    tagged the products with other texts before. Shoppers see new tags at once, so only the encoder
    of the live generation tags products, or any encoder while no generation is live."""
    version, live = _encoder_of_run(run), live_generation()
    if live is not None and live.encoder_id != version.pk:
        return
    stale = _stale(version)
    if run.kind == IndexingRun.Kind.REFRESH:
        stale = tagged_from_other_sources(read_tag_sources(version))
    yield from product_ranges(stale, PRODUCTS_PER_CHUNK)


def perform_tag(chunk: Chunk, check: Check) -> None:
    """Tags the products of the chunk's range whose tags are stale."""
    version = _encoder_of_run(chunk.run)
    in_range = sql.SQL(
        "SELECT product_id FROM ({}) AS stale WHERE product_id BETWEEN {} AND {} ORDER BY 1"
    ).format(_stale(version), *map(sql.Literal, (chunk.payload["first"], chunk.payload["last"])))
    with connection.cursor() as cursor:
        cursor.execute(in_range)
        ids = [row[0] for row in cursor.fetchall()]
    for start in range(0, len(ids), PRODUCTS_PER_BATCH):
        tag_products(ids[start : start + PRODUCTS_PER_BATCH], version)
        check()


def _stale(version: EncoderVersion) -> sql.Composable:
    return products_with_stale_tags(read_tag_sources(version))


def _encoder_of_run(run: IndexingRun) -> EncoderVersion:
    built = Generation.objects.select_related("encoder").filter(indexingrun=run).first()
    generation = built or live_generation()
    assert generation is not None, "A run whose stages have begun has a generation."
    return generation.encoder
