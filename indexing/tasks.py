"""What django-q2 calls. A task only joins runs; all that matters stands in the runs' own rows."""

from django_q.tasks import async_task

from catalog.models import ClickBurst, Reranker
from indexing.clicks.click_rates import update_click_rates
from indexing.clicks.log_retention import forget_old_searches
from indexing.clicks.reranker_training import described, train_reranker
from indexing.ledger import runs
from indexing.models import IndexingRun
from indexing.pipeline.refresh import start_refresh
from indexing.pipeline.worker import work_on


def work_on_run(run_id: int) -> str:
    """Works on a run until there is nothing left of it. Takes its absence calmly."""
    run = IndexingRun.objects.filter(pk=run_id).first()
    return work_on(run).state if run else "gone"


def refresh() -> str:
    """The scheduled refresh."""
    return work_on(start_refresh()).state


def join_abandoned_runs() -> int:
    """Takes up runs that nobody works on, because the process that did has died; gives how many.
    Scheduled every minute."""
    abandoned = runs.abandoned_runs()
    for run in abandoned:
        work_on(run)
    return len(abandoned)


def learn_from_clicks() -> str:
    """Scheduled every night: forgets old searches, counts clicks, trains the reranker, which does
    not take over while somebody has turned one off."""
    forget_old_searches()
    update_click_rates()
    turned_off = Reranker.objects.filter(withdrawn=True).exists()
    reranker = train_reranker(may_take_over=not turned_off)
    learnt = described(reranker) if reranker else "too few clicks"
    set_aside = ClickBurst.objects.undecided().clicks()
    return f"{learnt} ({set_aside} clicks are set aside)" if set_aside else learnt


def enqueue_run(run: IndexingRun) -> None:
    """Hands a run to the task queue."""
    async_task("indexing.tasks.work_on_run", run.pk, group=run.kind)


def resume_run(run: IndexingRun) -> bool:
    """Lets a paused run go on, in the task queue; False when it is not paused."""
    resumed = runs.resume_run(run)
    if resumed:
        enqueue_run(run)
    return resumed
