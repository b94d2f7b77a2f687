"""How far the live index is behind the catalogue: for `index status`, the API and metrics."""

from dataclasses import asdict
from datetime import datetime
from typing import Any

from croniter import croniter
from django.conf import settings
from django.db import connection
from django.utils import timezone
from psycopg import sql

from catalog.index.live_index import live_generation
from catalog.models import Generation, ProductChange
from indexing.embedding.staleness import quarantined_images
from indexing.ledger.runs import unfinished_runs
from indexing.models import Chunk, IndexingRun

LAGS = 10_000  # the newest products that count for the lag


def index_status() -> dict[str, Any]:
    """The index status of the public contract, ready for JSON; times in ISO 8601, spans in s."""
    last = IndexingRun.objects.exclude(state__in=IndexingRun.UNFINISHED).first()
    return {
        "generation": _generation(live_generation()),
        "products": _products(),
        "freshness": freshness(),
        "runs": {
            "running": [run_progress(run) for run in unfinished_runs()],
            "last": _last_run(last) if last else None,
        },
        "next_refresh_at": _iso(next_refresh_at()),
    }


def freshness() -> dict[str, Any]:
    """Whether the oldest change waits for less than the target, and how long changes took."""
    changed_at = ProductChange.objects.order_by("changed_at").values_list("changed_at", flat=True)
    oldest = changed_at.first()
    oldest_s = max(0.0, (timezone.now() - oldest).total_seconds()) if oldest else 0.0
    p50, p95 = _lags()
    return {
        "fresh": oldest_s <= settings.FRESHNESS_TARGET_S and live_generation() is not None,
        "oldest_pending_s": round(oldest_s, 1),
        "lag_p50_s": p50,
        "lag_p95_s": p95,
        "target_s": settings.FRESHNESS_TARGET_S,
    }


def next_refresh_at(now: datetime | None = None) -> datetime:
    """When REFRESH_CRON next fires."""
    return croniter(settings.REFRESH_CRON, now or timezone.now()).get_next(datetime)


def run_progress(run: IndexingRun) -> dict[str, Any]:
    """A run with how much of its present stage is done, in images or products, and the time left
    by the pace so far."""
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
            SELECT coalesce(sum(size) FILTER (WHERE state = %s), 0), coalesce(sum(size), 0),
                   min(started_at)
            FROM indexing_chunk WHERE run_id = %s AND stage = %s
            """,
            [Chunk.State.DONE, run.pk, run.stage],
        )
        done, total, started = cursor.fetchone()
        return int(done), int(total), started


def _generation(generation: Generation | None) -> dict[str, Any] | None:
    if generation is None:
        return None
    return {
        "id": generation.pk,
        "encoder": generation.encoder.name,
        "query_encoder": generation.query_encoder.name,
        "published_at": _iso(generation.published_at),
        "recall_at_20": generation.recall_at_20,
        "images": generation.images,
        "products": generation.products,
        "match": asdict(generation.calibration),
    }


def _products() -> dict[str, int]:
    query = sql.SQL(
        """
        SELECT (SELECT count(*) FROM catalog_product),
               (SELECT count(*) FROM catalog_indexedproduct WHERE indexed_at IS NOT NULL),
               (SELECT count(*) FROM catalog_productchange),
               (SELECT count(DISTINCT product_id) FROM ({quarantined_images}) AS quarantined)
        """
    ).format(quarantined_images=quarantined_images())
    with connection.cursor() as cursor:
        cursor.execute(query)
        return dict(zip(("total", "indexed", "pending", "failed"), cursor.fetchone(), strict=True))


def _lags() -> tuple[float | None, float | None]:
    """Median and 95th percentile of the seconds from change to searchable, over the newest."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT percentile_cont(ARRAY[0.5, 0.95]) WITHIN GROUP (
                ORDER BY extract(epoch FROM indexed_at - changed_at))
            FROM (SELECT indexed_at, changed_at FROM catalog_indexedproduct
                  WHERE indexed_at IS NOT NULL AND changed_at IS NOT NULL
                  ORDER BY indexed_at DESC LIMIT %s) AS newest
            """,
            [LAGS],
        )
        percentiles = cursor.fetchone()[0]
    return tuple(round(p, 1) for p in percentiles) if percentiles else (None, None)


def _last_run(run: IndexingRun) -> dict[str, Any]:
    return {
        "id": run.pk,
        "kind": run.kind,
        "state": run.state,
        "finished_at": _iso(run.finished_at),
        "error": run.error or None,
    }


def _iso(moment: datetime | None) -> str | None:
    return moment.isoformat() if moment else None
