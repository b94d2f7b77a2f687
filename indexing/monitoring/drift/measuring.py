"""Measures drift once a week, against samples that were taken when the match levels were
calibrated."""

from collections.abc import Sequence
from datetime import timedelta

import numpy as np
from django.utils import timezone
from psycopg import sql

from catalog.index.live_index import live_generation
from catalog.index.vectors import read_rows
from catalog.models import Generation
from indexing.models import DriftMeasurement, DriftReference
from indexing.monitoring.drift.two_samples import compare_samples

INTERVAL = timedelta(days=7)
REFERENCE_DAYS = 28  # before the calibration, from which shoppers' photos are taken
MIN_VECTORS = 100  # of a sample
MAX_VECTORS = 500  # more would find differences that do not matter
Kind = DriftReference.Kind

# The ids of searches are random, so the least ones are a random sample. Several photos of one
# shopper are alike, which would look like drift: one of a day counts.
QUERIES = sql.SQL(
    """
    SELECT vector FROM (
        SELECT DISTINCT ON (day, coalesce(nullif(origin, ''), query_id)) query_id, vector
        FROM catalog_querysample WHERE encoder_id = {encoder} AND day > {after}
        ORDER BY day, coalesce(nullif(origin, ''), query_id), query_id) AS of_shoppers
    ORDER BY query_id LIMIT {most}
    """
)
# The same photos each time, as long as they are there.
CATALOGUE = sql.SQL(
    """
    SELECT embedding.vector FROM (
        SELECT embedding.product_id, embedding.image_id
        FROM catalog_embedding embedding JOIN catalog_product product ON product.id = product_id
        WHERE encoder_id = {encoder} AND product.is_visible
        ORDER BY hashint8(embedding.image_id), embedding.image_id LIMIT {most}) AS chosen
    JOIN catalog_embedding embedding USING (product_id, image_id)
    WHERE embedding.encoder_id = {encoder}
    """
)


def measure_drift() -> list[DriftMeasurement]:
    """Measures what is due, and returns the new measurements. The first call after a calibration
    takes the samples to compare with. Without MIN_VECTORS vectors, nothing is measured yet."""
    live = live_generation()
    if live is None:
        return []
    found = [_measure(live, kind) for kind in Kind.values]
    return [measurement for measurement in found if measurement is not None]


def drift_now() -> list[DriftMeasurement]:
    """Returns the last measurement of each kind since the live index was calibrated."""
    rows = DriftMeasurement.objects.filter(reference__generation__state=Generation.State.LIVE)
    newest = rows.select_related("reference").order_by("reference__kind", "-at")
    return list(newest.distinct("reference__kind"))


def _measure(live: Generation, kind: str) -> DriftMeasurement | None:
    calibration = {"generation": live, "adapter": live.query_adapter, "kind": kind}
    reference = DriftReference.objects.filter(**calibration).first()
    now = timezone.now()
    if reference is None:
        vectors = read_sample(live, kind, REFERENCE_DAYS)
        if len(vectors) >= MIN_VECTORS:
            DriftReference.objects.create(**calibration, vectors=_pack(vectors))
        return None
    last = reference.measurements.first()
    if (last.at if last else reference.taken_at) > now - INTERVAL:
        return None
    vectors = read_sample(live, kind, INTERVAL.days)
    if len(vectors) < MIN_VECTORS:
        return None
    stored = np.frombuffer(bytes(reference.vectors), np.float16)
    before = stored.reshape(-1, live.encoder.dimensions).astype(np.float32)
    distance, level = compare_samples(before, vectors)
    return DriftMeasurement.objects.create(
        reference=reference, vectors=len(vectors), distance=distance, level=level, at=now
    )


def read_sample(live: Generation, kind: str, days: int) -> np.ndarray:
    """Returns at most MAX_VECTORS vectors in the index space, float32 (n, dimensions): photos of
    the catalogue, or shoppers' photos of the last days."""
    encoder, most = sql.Literal(live.encoder_id), sql.Literal(MAX_VECTORS)
    if kind == Kind.QUERIES:
        after = sql.Literal(timezone.now().date() - timedelta(days=days))
        query = QUERIES.format(encoder=encoder, after=after, most=most)
    else:
        query = CATALOGUE.format(encoder=encoder, most=most)
    rows: Sequence[np.ndarray] = [row[0] for row in read_rows(query, ["halfvec"])]
    empty = np.empty((0, live.encoder.dimensions), np.float32)
    return np.stack(rows).astype(np.float32) if rows else empty


def _pack(vectors: np.ndarray) -> bytes:
    return vectors.astype(np.float16).tobytes()
