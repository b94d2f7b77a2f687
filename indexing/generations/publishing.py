"""Publishes generations, adopts adapters, rolls back and drops. Each is one transaction."""

import logging

from django.conf import settings
from django.db import OperationalError, connection, transaction
from django.db.models import F, Max, Q, QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _
from psycopg import sql

from catalog.index.vector_store import vector_store
from catalog.models import Adapter, Generation, Publication
from indexing.adapters.fitting import failed_adapter_gates
from indexing.embedding.staleness import settle_changes, stale_products
from indexing.generations.encoder_registry import update_statuses
from indexing.models import IndexingRun
from indexing.vectors.orphans import remove_orphans

log = logging.getLogger("vitrina.indexing")

State = Generation.State
PUBLISHING_LOCK = 0x5649_5452  # advisory: publishers hold it exclusively, refreshes share it


class PublishingError(Exception):
    """The live generation or its adapter cannot be changed. The message is a sentence with the
    reason."""


class PublishedMeanwhile(Exception):
    """Another generation has gone live. The work must be done again for that one."""


def hold_live_generation(generation: Generation) -> None:
    """Keeps other generations from going live until the caller's transaction ends. Raises
    PublishedMeanwhile if `generation` is no longer live."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock_shared(%s)", [PUBLISHING_LOCK])
    if not Generation.objects.filter(pk=generation.pk, state=State.LIVE).exists():
        raise PublishedMeanwhile


def publish_generation(generation: Generation) -> Generation:
    """Makes a built generation live, and retires the one that was live. Returns its present row.
    Raises PublishingError."""
    with transaction.atomic():
        _lock_publishing()
        generation = _lock_generation(generation)
        if generation.state == State.LIVE:
            return generation
        if generation.state not in (State.BUILT, State.RETIRED, State.REJECTED):
            raise PublishingError(
                _("Generation %(number)s is %(state)s, not built.")
                % {"number": generation.pk, "state": generation.get_state_display().lower()}
            )
        _require_graph(generation)
        Publication.objects.create(generation=generation)
        return _make_live(generation)


def adopt_adapter(adapter: Adapter) -> Generation:
    """Lets the adapter's encoder query the live generation from now on. The vectors do not change.
    Raises PublishingError if the adapter leads to another encoder than the live generation's, or if
    it does not pass its gates."""
    with transaction.atomic():
        _lock_publishing()
        live = Generation.objects.select_for_update().filter(state=State.LIVE).first()
        if live is None or live.encoder_id != adapter.index_encoder_id:
            raise PublishingError(f"{adapter} does not lead to the live generation.")
        if reasons := failed_adapter_gates(adapter.figures):
            raise PublishingError(f"{adapter} is not good enough: {'; '.join(reasons)}.")
        return _set_query_adapter(live, adapter)


def roll_back() -> Generation:
    """Undoes the last switch and returns the live generation. If the live generation has an
    adapter, the adapter is removed; otherwise the generation that was live before becomes live
    again. The next roll back goes one switch further back, never forward. Generations whose vectors
    are dropped are skipped. Raises PublishingError, and changes nothing, if none is left."""
    with transaction.atomic():
        _lock_publishing()
        live, target = find_roll_back()
        if target is None:
            return _set_query_adapter(live, None)
        stack = Publication.objects.filter(undone_at=None)
        back_to = stack.filter(generation=target).first()
        assert back_to is not None  # `find_roll_back` has found it under the same lock
        _require_graph(target)
        stack.filter(pk__gt=back_to.pk).update(undone_at=timezone.now())
        return _make_live(target)


def find_roll_back() -> tuple[Generation, Generation | None]:
    """Returns the live generation, and the one that a roll back makes live again; None if it would
    only remove the adapter. Raises PublishingError if there is nothing to go back to."""
    live = Generation.objects.filter(state=State.LIVE).select_related("encoder").first()
    if live is None:
        raise PublishingError(_("There is no earlier generation to go back to."))
    if live.query_adapter_id is not None:
        return live, None
    earlier = Publication.objects.filter(undone_at=None).exclude(generation=live)
    target = earlier.filter(generation__state=State.RETIRED).select_related("generation__encoder")
    if (back_to := target.first()) is None:
        raise PublishingError(_explain_no_way_back(earlier))
    return live, back_to.generation


def find_doubtful_switch() -> list[Publication]:
    """Returns the last switch and the one before it, if the live generation was worse than the one
    that was live when it was built (`Generation.note`), and nobody has decided to keep it. Else an
    empty list."""
    last = list(Publication.objects.filter(undone_at=None).select_related("generation")[:2])
    is_doubtful = len(last) > 1 and last[0].generation.note and last[0].kept_at is None
    return last if is_doubtful else []


def keep_generation(generation: Generation) -> None:
    """Records that the live generation stays, though it was worse than the one before. Raises
    PublishingError if it is not live."""
    with transaction.atomic():
        _lock_publishing()
        generation = _lock_generation(generation)
        if generation.state != State.LIVE:
            raise PublishingError(
                _("Generation %(number)s is %(state)s, not live.")
                % {"number": generation.pk, "state": generation.get_state_display().lower()}
            )
        switches = Publication.objects.filter(undone_at=None, generation=generation)
        switches.update(kept_at=timezone.now())


def reject_generation(generation: Generation) -> None:
    """Marks a built or retired generation as one that should not go live. Raises
    PublishingError."""
    with transaction.atomic():
        _lock_publishing()
        generation = _lock_generation(generation)
        if generation.state not in (State.BUILT, State.RETIRED):
            raise PublishingError(
                _("Generation %(number)s is %(state)s: only built ones can be rejected.")
                % {"number": generation.pk, "state": generation.get_state_display().lower()}
            )
        Generation.objects.filter(pk=generation.pk).update(state=State.REJECTED)


def _explain_no_way_back(earlier: QuerySet[Publication]) -> str:
    dropped = earlier.values_list("generation_id", flat=True)
    if not dropped:
        return _("There is no earlier generation to go back to.")
    numbers = ", ".join(str(pk) for pk in dict.fromkeys(dropped))
    return _(
        "There is no generation to go back to: the vectors of the earlier generations (%(numbers)s)"
        " are dropped. Publish another generation, or rebuild."
    ) % {"numbers": numbers}


def drop_retired_generations(keep: int | None = None) -> list[Generation]:
    """Drops the vectors of generations that are no longer needed, and returns these generations:
    retired ones except `keep` of them (default: KEPT_GENERATIONS), rejected ones that are older
    than the live one, and those whose rebuild failed or was cancelled. The kept ones are those that
    the next roll backs lead to, and then the most recently published."""
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
        except (
            OperationalError,
            PublishingError,
        ) as error:  # a search still reads it, or it is live by now
            log.warning("generation %s is not dropped yet: %s", generation.pk, error)
        else:
            dropped.append(generation)
    return dropped


def drop_generation(generation: Generation) -> None:
    """Drops a generation's vectors. Its row and figures stay. Raises PublishingError if it is live,
    and OperationalError if a search still reads it."""
    with transaction.atomic():
        _lock_publishing()
        generation = _lock_generation(generation)
        if generation.state == State.LIVE:
            raise PublishingError(
                _("Generation %(number)s is live: publish another first.")
                % {"number": generation.pk}
            )
        vector_store().drop(generation)
        Generation.objects.filter(pk=generation.pk).update(state=State.DROPPED)


def _require_graph(generation: Generation) -> None:
    """Raises PublishingError if the store has no graph of the generation. It may have been built in
    another store."""
    if not vector_store().graph_is_valid(generation):
        raise PublishingError(
            _("Generation %(number)s has no valid graph index.") % {"number": generation.pk}
        )


def _lock_generation(generation: Generation) -> Generation:
    """Locks the generation's row and returns its present values. Raises PublishingError if the row
    no longer exists."""
    current = Generation.objects.select_for_update().filter(pk=generation.pk).first()
    if current is None:
        raise PublishingError(
            _("There is no generation %(number)s any more.") % {"number": generation.pk}
        )
    return current


def _lock_publishing() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [PUBLISHING_LOCK])


def _set_query_adapter(live: Generation, adapter: Adapter | None) -> Generation:
    live.query_adapter = adapter
    live.save(update_fields=["query_adapter"])
    update_statuses()
    return live


def _make_live(generation: Generation) -> Generation:
    # A roll back to the generation that was live returns to its own encoder, without an adapter.
    Generation.objects.filter(state=State.LIVE).update(state=State.RETIRED, query_adapter=None)
    generation.state, generation.published_at = State.LIVE, timezone.now()
    generation.save(update_fields=["state", "published_at"])
    update_statuses()
    _catch_up_with_changes(generation)
    vector_store().name_live(generation)
    return generation


def _catch_up_with_changes(generation: Generation) -> None:
    """Settles the changes of products that are current in `generation`, and notes a change for each
    other product. The next refresh brings these up to date.

    The notes are read before the stale products are determined. A change that commits in between
    raises the `seq` of its note, and the note stays."""
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
