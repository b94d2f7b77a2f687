"""Which generation is live, and which encoder asks it: publish, adopt, roll back, drop. Each is one
transaction."""

import logging

from django.conf import settings
from django.db import OperationalError, connection, transaction
from django.db.models import Q
from django.utils import timezone
from psycopg import sql

from catalog.models import Adapter, Generation
from indexing.adapters import failed_gates
from indexing.encoders import settle_statuses
from indexing.index_ddl import drop_vector_table, graph_is_valid
from indexing.models import IndexingRun
from indexing.orphans import remove_orphans

log = logging.getLogger("vitrina.indexing")

State = Generation.State
LOCK = 0x5649_5452  # one publisher at a time; refreshes share it


class PublishingError(Exception):
    """A generation cannot be made live; the message is a sentence that says why."""


class PublishedMeanwhile(Exception):
    """Another generation went live; the work is to be done again for that one."""


def hold_live_generation(generation: Generation) -> None:
    """Within a transaction: no other generation goes live before it ends. Raises PublishedMeanwhile
    when `generation` is not the live one any more."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock_shared(%s)", [LOCK])
    if not Generation.objects.filter(pk=generation.pk, state=State.LIVE).exists():
        raise PublishedMeanwhile


def publish(generation: Generation) -> Generation:
    """Makes a built generation live and retires the one before. Raises PublishingError."""
    with transaction.atomic():
        _lock()
        generation = Generation.objects.select_for_update().get(pk=generation.pk)
        if generation.state == State.LIVE:
            return generation
        if generation.state not in (State.BUILT, State.RETIRED, State.REJECTED):
            raise PublishingError(f"Generation {generation.pk} is {generation.state}, not built.")
        if not graph_is_valid(generation):
            raise PublishingError(f"Generation {generation.pk} has no valid graph index.")
        previous = Generation.objects.filter(state=State.LIVE).first()
        return _make_live(generation, previous)


def adopt(adapter: Adapter) -> Generation:
    """Has the live generation asked by the adapter's encoder from now on; its vectors stay as they
    are. Raises PublishingError when the adapter belongs to another generation's encoder, or was
    measured not to be good enough."""
    with transaction.atomic():
        _lock()
        live = Generation.objects.select_for_update().filter(state=State.LIVE).first()
        if live is None or live.encoder_id != adapter.stored_id:
            raise PublishingError(f"{adapter} does not lead to the live generation.")
        if reasons := failed_gates(adapter.figures):
            raise PublishingError(f"{adapter} is not good enough: {'; '.join(reasons)}.")
        return _ask_through(live, adapter)


def roll_back() -> Generation:
    """One step back: takes away the adapter by which another encoder asks the live generation;
    where there is none, makes the generation before live again. Raises PublishingError."""
    with transaction.atomic():
        _lock()
        live = Generation.objects.filter(state=State.LIVE).select_related("previous").first()
        if live is not None and live.query_adapter_id is not None:
            return _ask_through(live, None)
        if live is None or live.previous is None or live.previous.state != State.RETIRED:
            raise PublishingError("There is no earlier generation to go back to.")
        return _make_live(live.previous, live)


def drop_retired(keep: int | None = None) -> list[Generation]:
    """Drops the vector tables of all but the last `keep` retired generations (settings:
    KEPT_GENERATIONS), of those rejected before the live one, and of those whose rebuild failed or
    was cancelled; gives those dropped."""
    keep = settings.KEPT_GENERATIONS if keep is None else keep
    live = Generation.objects.filter(state=State.LIVE).first()
    old = list(Generation.objects.filter(state=State.RETIRED).order_by("-published_at")[keep:])
    if live is not None:
        old += Generation.objects.filter(state=State.REJECTED, pk__lt=live.pk)
    unfinished = Q(indexingrun__state__in=IndexingRun.UNFINISHED)
    old += Generation.objects.filter(state=State.BUILDING).exclude(unfinished)
    dropped = []
    for generation in old:
        try:
            drop(generation)
        except OperationalError as error:  # still read; the next publish tries again
            log.warning("generation %s is not dropped yet: %s", generation.pk, error)
        else:
            dropped.append(generation)
    return dropped


def drop(generation: Generation) -> None:
    """Drops a generation's vectors; its row and figures stay. Raises PublishingError for the live
    one, OperationalError where a search still reads it."""
    with transaction.atomic():
        _lock()
        generation.refresh_from_db()
        if generation.state == State.LIVE:
            raise PublishingError(f"Generation {generation.pk} is live: publish another first.")
        drop_vector_table(generation)
        Generation.objects.filter(pk=generation.pk).update(state=State.DROPPED)


def _lock() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [LOCK])


def _ask_through(live: Generation, adapter: Adapter | None) -> Generation:
    live.query_adapter = adapter
    live.save(update_fields=["query_adapter"])
    settle_statuses()
    return live


def _make_live(generation: Generation, previous: Generation | None) -> Generation:
    if previous is not None:
        # Whoever comes back to it comes back to its own encoder.
        Generation.objects.filter(pk=previous.pk).update(state=State.RETIRED, query_adapter=None)
        if generation.previous_id != previous.pk and previous.previous_id != generation.pk:
            generation.previous = previous
    generation.state, generation.published_at = State.LIVE, timezone.now()
    generation.save(update_fields=["state", "published_at", "previous"])
    settle_statuses()
    _settle_changes(generation)
    return generation


def _settle_changes(generation: Generation) -> None:
    """Clears the change rows of the products that `generation` has as they are now, and notes those
    that it does not have: the next refresh brings them in.

    The rows are read before the products are judged, and cleared only with the `seq` they then had:
    a change that commits meanwhile has raised it, and its row stays."""
    with connection.cursor() as cursor:
        cursor.execute("DROP TABLE IF EXISTS pg_temp.seen, pg_temp.behind")
        cursor.execute(
            "CREATE TEMP TABLE seen ON COMMIT DROP AS"
            " SELECT product_id, seq FROM catalog_productchange"
        )
        cursor.execute(sql.SQL(BEHIND).format(table=sql.Identifier(generation.vector_table)))
        cursor.execute(SETTLE)
        remove_orphans([row[0] for row in cursor.fetchall()])
        cursor.execute(
            "SELECT catalog_note_changes(array_agg(product_id)) FROM behind HAVING count(*) > 0"
        )


BEHIND = """
    CREATE TEMP TABLE behind ON COMMIT DROP AS
    SELECT DISTINCT coalesce(image.product_id, vector.product_id) AS product_id
    FROM catalog_productimage image
    FULL JOIN {table} vector
        ON vector.product_id = image.product_id AND vector.image_id = image.id
    LEFT JOIN indexing_imagefailure failure ON failure.quarantined
        AND failure.product_id = image.product_id AND failure.image_id = image.id
        AND failure.content_hash = image.content_hash
    WHERE vector.source_hash IS DISTINCT FROM image.content_hash
        AND failure.image_id IS NULL
    UNION
    SELECT product.id FROM catalog_product product
    LEFT JOIN catalog_indexedproduct indexed ON indexed.product_id = product.id
    WHERE indexed.text_hash IS DISTINCT FROM product.text_hash
"""
"""Products that the generation does not have as they are now."""

SETTLE = """
    WITH settled AS (
        DELETE FROM catalog_productchange change USING seen
        WHERE change.product_id = seen.product_id AND change.seq = seen.seq
            AND NOT EXISTS (SELECT FROM behind WHERE behind.product_id = seen.product_id)
        RETURNING change.product_id, change.changed_at
    ), indexed AS (
        UPDATE catalog_indexedproduct indexed
        SET changed_at = settled.changed_at, indexed_at = clock_timestamp()
        FROM settled WHERE settled.product_id = indexed.product_id
    )
    SELECT product_id FROM settled
    WHERE NOT EXISTS (SELECT FROM catalog_product WHERE id = product_id)
"""
"""Clears the rows that were seen and are not behind; gives the products that are gone."""
