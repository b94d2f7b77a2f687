"""A random sample of the vectors of shoppers' photos. The offline side measures drift from it."""

from collections.abc import Sequence

from django.db import connection
from django.utils import timezone
from pgvector import HalfVector

from catalog.index.vectors import register_vectors
from catalog.models import QuerySample
from search.answer import SearchAnswer

SLOTS = 200  # vectors that are kept of each day
ID_DIGITS = 8  # of a query id, which is random, that choose its slot

# The least id of a slot stays, so that each of its searches is as likely to be kept.
KEEP = """
    INSERT INTO catalog_querysample AS kept (day, slot, query_id, encoder_id, vector, origin)
    VALUES (%s, %s, %s, %s, %s, %s)
    ON CONFLICT (day, slot) DO UPDATE SET query_id = excluded.query_id,
        encoder_id = excluded.encoder_id, vector = excluded.vector, origin = excluded.origin
    WHERE excluded.query_id < kept.query_id
"""


def sample_query(answer: SearchAnswer) -> QuerySample | None:
    """Returns the row of a search by a photo alone, and None for others: words move vectors."""
    if answer.kind != "photo" or answer.query_vector is None:
        return None
    return QuerySample(
        day=timezone.now().date(),
        slot=int(answer.query_id[:ID_DIGITS], 16) % SLOTS,
        query_id=answer.query_id,
        encoder_id=answer.generation.encoder_id,
        vector=answer.query_vector,
    )


def keep_samples(samples: Sequence[QuerySample]) -> None:
    """Writes the rows whose slots are free or have a greater id."""
    if not samples:
        return
    rows = [
        (row.day, row.slot, row.query_id, row.encoder_id, HalfVector(row.vector), row.origin)
        for row in samples
    ]
    connection.ensure_connection()
    register_vectors(connection.connection)
    with connection.cursor() as cursor:
        cursor.executemany(KEEP, rows)
