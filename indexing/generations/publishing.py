"""Which generation is live, and which encoder asks it: publish, adopt, roll back, drop. Each is one
transaction."""

import logging

from django.conf import settings
from django.db import OperationalError, connection, transaction
from django.db.models import F, Max, Q, QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _
from psycopg import sql

from catalog.models import Adapter, Generation, Publication
from indexing.adapters.fitting import failed_gates
from indexing.embedding.staleness import settle_changes, stale_products
from indexing.encoder_registry import settle_statuses
from indexing.models import IndexingRun
from indexing.vectors.orphans import remove_orphans
from indexing.vectors.table_ddl import drop_vector_table, graph_is_valid

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


def publish_generation(generation: Generation) -> Generation:
    """Makes a built generation live and retires the one before. Raises PublishingError."""
    with transaction.atomic():
        _lock()
        generation = _current(generation)
        if generation.state == State.LIVE:
            return generation
        if generation.state not in (State.BUILT, State.RETIRED, State.REJECTED):
            raise PublishingError(
                _("Generation %(number)s is %(state)s, not built.")
                % {"number": generation.pk, "state": generation.state}
            )
        if not graph_is_valid(generation):
            raise PublishingError(
                _("Generation %(number)s has no valid graph index.") % {"number": generation.pk}
            )
        Publication.objects.create(generation=generation)
        return _make_live(generation)


def adopt_adapter(adapter: Adapter) -> Generation:
    """Has the live generation asked by the adapter's encoder from now on; its vectors stay as they
    are. Raises PublishingError when the adapter belongs to another generation's encoder, or was
    measured not to be good enough."""
    with transaction.atomic():
        _lock()
        live = Generation.objects.select_for_update().filter(state=State.LIVE).first()
        if live is None or live.encoder_id != adapter.index_encoder_id:
            raise PublishingError(f"{adapter} does not lead to the live generation.")
        if reasons := failed_gates(adapter.figures):
            raise PublishingError(f"{adapter} is not good enough: {'; '.join(reasons)}.")
        return _ask_through(live, adapter)


def roll_back() -> Generation:
    """Undoes the last switch; gives the live generation. The adapter goes first, if another encoder
    asks; else the generation that was live before becomes live again. The next roll back goes one
    switch further back, never forward. Generations whose vectors are dropped are skipped. Raises
    PublishingError, and changes nothing, where none is left."""
    with transaction.atomic():
        _lock()
        live = Generation.objects.filter(state=State.LIVE).first()
        if live is None:
            raise PublishingError(_("There is no earlier generation to go back to."))
        if live.query_adapter_id is not None:
            return _ask_through(live, None)
        stack = Publication.objects.filter(undone_at=None)
        earlier = stack.exclude(generation=live)
        target = earlier.filter(generation__state=State.RETIRED).select_related("generation")
        if (back_to := target.first()) is None:
            raise PublishingError(_nothing_to_go_back_to(earlier))
        stack.filter(pk__gt=back_to.pk).update(undone_at=timezone.now())
        return _make_live(back_to.generation)


def _nothing_to_go_back_to(earlier: QuerySet[Publication]) -> str:
    dropped = earlier.values_list("generation_id", flat=True)
    if not dropped:
        return _("There is no earlier generation to go back to.")
    numbers = ", ".join(str(pk) for pk in dict.fromkeys(dropped))
    return _(
        "There is no generation to go back to: the vectors of what was live before (%(numbers)s)"
        " are dropped. Publish another generation, or rebuild."
    ) % {"numbers": numbers}


def drop_retired_generations(keep: int | None = None) -> list[Generation]:
    """Drops the vector tables of all but `keep` retired generations (settings: KEPT_GENERATIONS),
    of those rejected before the live one, and of those whose rebuild failed or was cancelled; gives
    those dropped. What the next roll backs would bring is kept first, then the newest."""
    keep = settings.KEPT_GENERATIONS if keep is None else keep
    live = Generation.objects.filter(state=State.LIVE).first()
    not_undone = Max("publications", filter=Q(publications__undone_at=None))
    retired = Generation.objects.filter(state=State.RETIRED).annotate(last=not_undone)
    old: list[Generation] = list(
        retired.order_by(F("last").desc(nulls_last=True), "-published_at")[keep:]
    )
    if live is not None:
        old += Generation.objects.filter(state=State.REJECTED, pk__lt=live.pk)
    unfinished = Q(indexingrun__state__in=IndexingRun.UNFINISHED)
    old += Generation.objects.filter(state=State.BUILDING).exclude(unfinished)
    dropped = []
    for generation in old:
        try:
            drop_generation(generation)
        except (OperationalError, PublishingError) as error:  # still read, or live by now
            log.warning("generation %s is not dropped yet: %s", generation.pk, error)
        else:
            dropped.append(generation)
    return dropped


def drop_generation(generation: Generation) -> None:
    """Drops a generation's vectors; its row and figures stay. Raises PublishingError for the live
    one, OperationalError where a search still reads it."""
    with transaction.atomic():
        _lock()
        generation = _current(generation)
        if generation.state == State.LIVE:
            raise PublishingError(
                _("Generation %(number)s is live: publish another first.")
                % {"number": generation.pk}
            )
        drop_vector_table(generation)
        Generation.objects.filter(pk=generation.pk).update(state=State.DROPPED)


def _current(generation: Generation) -> Generation:
    """Its row as it is now, locked. Raises PublishingError where it is gone."""
    current = Generation.objects.select_for_update().filter(pk=generation.pk).first()
    if current is None:
        raise PublishingError(
            _("There is no generation %(number)s any more.") % {"number": generation.pk}
        )
    return current


def _lock() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [LOCK])


def _ask_through(live: Generation, adapter: Adapter | None) -> Generation:
    live.query_adapter = adapter
    live.save(update_fields=["query_adapter"])
    settle_statuses()
    return live


def _make_live(generation: Generation) -> Generation:
    # Whoever comes back to the one before comes back to its own encoder.
    Generation.objects.filter(state=State.LIVE).update(state=State.RETIRED, query_adapter=None)
    generation.state, generation.published_at = State.LIVE, timezone.now()
    generation.save(update_fields=["state", "published_at"])
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
        cursor.execute(
            sql.SQL("CREATE TEMP TABLE behind ON COMMIT DROP AS {stale}").format(
                stale=stale_products(generation)
            )
        )
        up_to_date = sql.SQL(
            "SELECT product_id, seq FROM seen WHERE NOT EXISTS ("
            "SELECT FROM behind WHERE behind.product_id = seen.product_id)"
        )
        remove_orphans(settle_changes(up_to_date))
        cursor.execute(
            "SELECT catalog_note_changes(array_agg(product_id)) FROM behind HAVING count(*) > 0"
        )
