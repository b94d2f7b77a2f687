"""The tasks that django-q2 calls, and functions that put runs into its queue. Tasks only join runs:
the state of the work is in the ledger."""

from collections.abc import Callable
from functools import partial
from typing import Any

from django.conf import settings
from django.utils import timezone
from django_q.tasks import async_task

from catalog.api.idempotent_calls import delete_old_calls
from catalog.models import Reranker, Webhook
from indexing.clicks import learning
from indexing.clicks.log_retention import delete_old_searches
from indexing.clicks.reranker_training import describe_reranker
from indexing.ledger import runs
from indexing.models import IndexingRun
from indexing.monitoring.drift import measuring as drift
from indexing.monitoring.measurements import take_measurement
from indexing.monitoring.webhooks.deliveries import send_due
from indexing.monitoring.webhooks.notices import note_events
from indexing.monitoring.webhooks.subscriptions import note_test
from indexing.pipeline.adoption_run import start_adoption
from indexing.pipeline.fetch_stage import start_fetch
from indexing.pipeline.fetching.claims import count_due
from indexing.pipeline.rebuild import start_rebuild
from indexing.pipeline.recommendation_run import start_recommendations
from indexing.pipeline.refresh import start_refresh
from indexing.pipeline.sources.import_run import has_requests, start_imports
from indexing.pipeline.sources.pull_schedule import refresh_is_wanted
from indexing.pipeline.sources.uploaded_imports import tidy_uploads
from indexing.pipeline.training_run import start_training
from indexing.pipeline.worker import work_on
from indexing.recommendations.learning_factors import TooFewEvents, read_recent_history

SHARED = (IndexingRun.Kind.REFRESH, IndexingRun.Kind.REBUILD)
SCHEDULE = "schedule"  # how the ledger names what nobody has started by hand
START_RUN: dict[str, Callable[..., IndexingRun]] = {
    IndexingRun.Kind.REFRESH: start_refresh,
    IndexingRun.Kind.REBUILD: start_rebuild,
    IndexingRun.Kind.TRAINING: partial(start_training, join=False),
    IndexingRun.Kind.FETCH: start_fetch,
    IndexingRun.Kind.IMPORT: start_imports,
    IndexingRun.Kind.ADOPTION: start_adoption,
    IndexingRun.Kind.RECOMMENDATIONS: start_recommendations,
}


def work_on_run(run_id: int) -> str:
    """Works on a run until nothing is left to do. Returns its state, or "gone" if the run no longer
    exists."""
    run = IndexingRun.objects.filter(pk=run_id).first()
    return work_on(run).state if run else "gone"


def refresh() -> str:
    """Works on a refresh until nothing is left to do, with the tasks that share it. Scheduled by
    REFRESH_CRON."""
    run = runs.name_starter(start_refresh(), SCHEDULE)
    _enqueue(run, settings.RUN_WORKERS - 1)
    return work_on(run).state


def fetch_photos() -> str:
    """Fetches the photos by address that are due, unless another worker does. Scheduled every
    minute."""
    if not count_due():
        return "nothing to fetch"
    run = runs.name_starter(start_fetch(), SCHEDULE)
    return "under way" if runs.is_worked_on(run) else work_on(run).state


def pull_sources() -> str:
    """Pulls the sources that are due, imports uploaded files, and takes back the imports that
    operators ask to, unless another worker does. Then refreshes, if that has changed the catalogue.
    Removes uploaded files that nobody has imported. Scheduled every minute."""
    tidy_uploads()
    done = "nothing to pull"
    if has_requests():
        run = runs.name_starter(start_imports(), SCHEDULE)
        done = "under way" if runs.is_worked_on(run) else work_on(run).state
    if refresh_is_wanted():
        work_on(runs.name_starter(start_refresh(), "after an import"))
    return done


def join_abandoned_runs() -> int:
    """Works on the runs whose workers have died, and returns the number of these runs. Scheduled
    every minute."""
    abandoned = runs.abandoned_runs()
    for run in abandoned:
        work_on(run)
    return len(abandoned)


def measure() -> str:
    """Adds a measurement to those that the console shows as charts. Removes old ones, and calls of
    the API that are no longer recognised. Scheduled every five minutes."""
    delete_old_calls()
    return str(take_measurement())


def measure_drift() -> str:
    """Measures drift if a week has passed since the last time. Scheduled every night, so that a
    night without the queue loses nothing."""
    return "; ".join(map(str, drift.measure_drift())) or "nothing is due"


def send_webhooks() -> str:
    """Tells webhooks what has happened. Scheduled every minute."""
    note_events()
    return f"{send_due()} sent"


def send_test(webhook: Webhook) -> bool:
    """Sends a test to a webhook, in the task queue. Returns False if it is disabled."""
    noted = note_test(webhook)
    if noted:
        async_task("indexing.tasks.send_webhooks")
    return noted


def learn_from_clicks() -> str:
    """Deletes old searches and learns from clicks. While an operator has withdrawn a reranker, the
    new one does not take over. Scheduled every night."""
    delete_old_searches()
    withdrawn = Reranker.objects.filter(withdrawn=True).exists()
    report = learning.learn_from_clicks(may_take_over=not withdrawn)
    learnt = describe_reranker(report.reranker) if report.reranker else "too few clicks"
    return f"{learnt} ({report.set_aside} clicks are set aside)" if report.set_aside else learnt


def learn_recommendations() -> str:
    """Trains recommendations, unless the history is too short or another worker does. Scheduled
    every night."""
    try:
        read_recent_history(timezone.now())
    except TooFewEvents as error:
        return str(error)
    run = runs.name_starter(start_recommendations(), SCHEDULE)
    return "under way" if runs.is_worked_on(run) else work_on(run).state


def start_queued_run(kind: str, by: str, **options: Any) -> IndexingRun:
    """Starts a run in the task queue, or joins the unfinished refresh or rebuild. `by`: who starts
    it; `options`: those of `START_RUN`. Raises RunConflict."""
    run = runs.name_starter(START_RUN[kind](**options), by)
    enqueue_run(run)
    return run


def enqueue_run(run: IndexingRun) -> None:
    """Puts a run into the task queue. RUN_WORKERS tasks share the chunks of a refresh or a
    rebuild."""
    _enqueue(run, settings.RUN_WORKERS if run.kind in SHARED else 1)


def _enqueue(run: IndexingRun, tasks: int) -> None:
    for _ in range(tasks):
        async_task("indexing.tasks.work_on_run", run.pk, group=run.kind)


def resume_queued_run(run: IndexingRun) -> bool:
    """Resumes a paused run in the task queue. Returns False if the run is not paused."""
    resumed = runs.resume_run(run)
    if resumed:
        enqueue_run(run)
    return resumed
