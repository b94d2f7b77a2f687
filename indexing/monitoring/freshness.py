"""Reports the delay of the live index behind the catalogue, for `index status`, the API and
metrics."""

from dataclasses import asdict
from datetime import datetime
from typing import Any

from croniter import croniter
from django.conf import settings
from django.db import connection
from django.utils import timezone
from psycopg import sql

from catalog.index.live_index import live_generation
from catalog.models import Generation, ImageAddress, ProductChange
from indexing.embedding.staleness import quarantined_images
from indexing.ledger.runs import unfinished_runs
from indexing.models import Chunk, IndexEvaluation, IndexingRun
from indexing.monitoring.source_figures import source_figures
from indexing.pipeline.fetching.photo_figures import photo_figures, products_in, waiting_addresses

MAX_LAG_PRODUCTS = 10_000  # most recently indexed products, which the lag is measured on


def index_status() -> dict[str, Any]:
    """Returns the index status as the API documents it, ready for JSON. Times are in ISO 8601,
    durations in seconds."""
    finished = IndexingRun.objects.exclude(state__in=IndexingRun.UNFINISHED)
    last = finished.exclude(kind=IndexingRun.Kind.FETCH).first()  # there is one each minute
    return {
        "generation": _describe_generation(live_generation()),
        "products": _count_products(),
        "photos": photo_figures(),
        "sources": source_figures(),
        "freshness": freshness(),
        "runs": {
            "running": [run_progress(run) for run in unfinished_runs()],
            "last": _describe_last_run(last) if last else None,
        },
        "next_refresh_at": _to_iso(next_refresh_at()),
    }


def freshness() -> dict[str, Any]:
    """Returns whether the index is fresh, the age of the oldest change, and the percentiles of the
    lag, the time from a change until it was searchable. A photo that waits for its first fetch is a
    change too."""
    changed_at = ProductChange.objects.order_by("changed_at").values_list("changed_at", flat=True)
    named_at = waiting_addresses().order_by("waiting_since").values_list("waiting_since", flat=True)
    times = [moment for moment in (changed_at.first(), named_at.first()) if moment]
    oldest_s = max(0.0, (timezone.now() - min(times)).total_seconds()) if times else 0.0
    p50, p95 = _lag_percentiles()
    return {
        "fresh": oldest_s <= settings.FRESHNESS_TARGET_S and live_generation() is not None,
        "oldest_pending_s": round(oldest_s, 1),
        "lag_p50_s": p50,
        "lag_p95_s": p95,
        "target_s": settings.FRESHNESS_TARGET_S,
    }


def next_refresh_at(now: datetime | None = None) -> datetime:
    """Returns the next time at which REFRESH_CRON starts a refresh."""
    return croniter(settings.REFRESH_CRON, now or timezone.now()).get_next(datetime)


def run_progress(run: IndexingRun) -> dict[str, Any]:
    """Returns the state of a run and the progress of its present stage, in images or products. The
    time left is extrapolated from the pace so far."""
    done, total, started = _stage_progress(run)
    eta = None
    if started and 0 < done < total:
        eta = round((timezone.now() - started).total_seconds() / done * (total - done), 1)
    return {
        "id": run.pk,
        "kind": run.kind,
        "state": run.state,
        "stage": run.stage,
        "done": done,
        "total": total,
        "eta_s": eta,
    }


def _stage_progress(run: IndexingRun) -> tuple[int, int, datetime | None]:
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT coalesce(sum(CASE WHEN state = %s THEN size ELSE least(done, size) END), 0),
                   coalesce(sum(size), 0), min(started_at)
            FROM indexing_chunk WHERE run_id = %s AND stage = %s
            """,
            [Chunk.State.DONE, run.pk, run.stage],
        )
        done, total, started = cursor.fetchone()
        return int(done), int(total), started


def _describe_generation(generation: Generation | None) -> dict[str, Any] | None:
    if generation is None:
        return None
    evaluation = IndexEvaluation.objects.filter(generation=generation).first()
    return {
        "id": generation.pk,
        "encoder": generation.encoder.name,
        "query_encoder": generation.query_encoder.name,
        "published_at": _to_iso(generation.published_at),
        "recall_at_20": generation.recall_at_20,
        "images": generation.images,
        "products": generation.products,
        "self_test": evaluation.figures.get("self_test") if evaluation else None,
        "match": asdict(generation.calibration),
    }


def _count_products() -> dict[str, int]:
    query = sql.SQL(
        """
        SELECT (SELECT count(*) FROM catalog_product),
               (SELECT count(*) FROM catalog_indexedproduct WHERE indexed_at IS NOT NULL),
               (SELECT count(*) FROM (SELECT product_id FROM catalog_productchange
                                      UNION {waiting}) AS pending),
               (SELECT count(*) FROM (SELECT product_id FROM ({quarantined}) AS quarantined
                                      UNION {not_fetched}) AS failed)
        """
    ).format(
        quarantined=quarantined_images(),
        waiting=products_in(ImageAddress.State.WAITING),
        not_fetched=products_in(ImageAddress.State.FAILED, ImageAddress.State.GIVEN_UP),
    )
    with connection.cursor() as cursor:
        cursor.execute(query)
        return dict(zip(("total", "indexed", "pending", "failed"), cursor.fetchone(), strict=True))


def _lag_percentiles() -> tuple[float | None, float | None]:
    """Returns the median and the 95th percentile of the lag, in seconds."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT percentile_cont(ARRAY[0.5, 0.95]) WITHIN GROUP (
                ORDER BY extract(epoch FROM indexed_at - changed_at))
            FROM (SELECT indexed_at, changed_at FROM catalog_indexedproduct
                  WHERE indexed_at IS NOT NULL AND changed_at IS NOT NULL
                  ORDER BY indexed_at DESC LIMIT %s) AS newest
            """,
            [MAX_LAG_PRODUCTS],
        )
        percentiles = cursor.fetchone()[0]
    return tuple(round(p, 1) for p in percentiles) if percentiles else (None, None)


def _describe_last_run(run: IndexingRun) -> dict[str, Any]:
    return {
        "id": run.pk,
        "kind": run.kind,
        "state": run.state,
        "finished_at": _to_iso(run.finished_at),
        "error": run.error or None,
    }


def _to_iso(moment: datetime | None) -> str | None:
    return moment.isoformat() if moment else None
