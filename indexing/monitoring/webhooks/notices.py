"""Notes what webhooks are to be told. It compares the ledger with what is noted already, so a
worker that dies loses nothing, and nothing is told twice."""

from datetime import timedelta
from typing import Any

from django.utils import timezone

from catalog.models import Generation, Webhook, WebhookDelivery
from indexing.models import IndexingRun
from indexing.monitoring.freshness import freshness

Event = Webhook.Event
TOLD_KINDS = [kind for kind in IndexingRun.Kind if kind != IndexingRun.Kind.FETCH]
LOOKS_BACK = timedelta(days=1)
KEPT = timedelta(days=7)


def note_events() -> int:
    """Notes the runs that are done, the generations that were rejected, and that freshness is
    lost, once for each webhook. Returns how many notices are new. Removes old ones."""
    now = timezone.now()
    WebhookDelivery.objects.filter(created_at__lt=now - KEPT).delete()
    webhooks = list(Webhook.objects.filter(enabled=True))
    if not webhooks:
        return 0
    finished = list(
        IndexingRun.objects.exclude(state__in=IndexingRun.UNFINISHED)
        .filter(kind__in=TOLD_KINDS, finished_at__gte=now - LOOKS_BACK)
        .select_related("generation")
    )
    noted = [
        WebhookDelivery(webhook=webhook, event=event, about=f"run {run.pk}", body=body)
        for webhook in webhooks
        for run in finished
        if run.finished_at and run.finished_at >= webhook.enabled_at
        for event, body in _events_of(run)
        if event in webhook.events
    ]
    before = WebhookDelivery.objects.count()
    WebhookDelivery.objects.bulk_create(noted, ignore_conflicts=True)
    _note_freshness()
    return WebhookDelivery.objects.count() - before


def _events_of(run: IndexingRun) -> list[tuple[str, dict[str, Any]]]:
    done = {
        "id": run.pk,
        "kind": run.kind,
        "state": run.state,
        "finished_at": run.finished_at.isoformat() if run.finished_at else None,
        "error": run.error or None,
        "generation": run.generation_id,
    }
    events: list[tuple[str, dict[str, Any]]] = [(Event.RUN_DONE, {"run": done})]
    made = run.generation
    if made is not None and made.state == Generation.State.REJECTED:
        about = {"id": made.pk, "note": made.note, "run": run.pk}
        events.append((Event.GENERATION_REJECTED, {"generation": about}))
    return events


def _note_freshness() -> None:
    """Notes the moment at which the index is fresh no longer, once until it is fresh again."""
    asked = Webhook.objects.filter(events__contains=[Event.FRESHNESS_LOST], enabled=True)
    if not asked.exists():
        return
    figures = freshness()
    if figures["fresh"]:
        Webhook.objects.filter(was_fresh=False).update(was_fresh=True)
        return
    for webhook in asked.filter(was_fresh=True):
        if Webhook.objects.filter(pk=webhook.pk, was_fresh=True).update(was_fresh=False):
            about = f"loss of {timezone.now():%Y-%m-%dT%H:%M:%S}"
            WebhookDelivery.objects.create(
                webhook=webhook,
                event=Event.FRESHNESS_LOST,
                about=about,
                body={"freshness": figures},
            )
