"""The tasks that django-q2 calls. They only join runs: the state of the work is in the ledger."""

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
    """Works on a run until nothing is left to do; returns its state, or "gone" if the run no
    longer exists."""
    run = IndexingRun.objects.filter(pk=run_id).first()
    return work_on(run).state if run else "gone"


def refresh() -> str:
    """Works on a refresh until nothing is left to do. Scheduled by REFRESH_CRON."""
    return work_on(start_refresh()).state


def join_abandoned_runs() -> int:
    """Works on the runs that no process works on any more, because theirs has died. Returns how
    many there were. Scheduled every minute."""
    abandoned = runs.abandoned_runs()
    for run in abandoned:
        work_on(run)
    return len(abandoned)


def learn_from_clicks() -> str:
    """Deletes old searches, counts clicks and trains the reranker. While an operator has turned a
    reranker off, the new one does not take over. Scheduled every night."""
    forget_old_searches()
    update_click_rates()
    turned_off = Reranker.objects.filter(withdrawn=True).exists()
    reranker = train_reranker(may_take_over=not turned_off)
    learnt = described(reranker) if reranker else "too few clicks"
    set_aside = ClickBurst.objects.undecided().clicks()
    return f"{learnt} ({set_aside} clicks are set aside)" if set_aside else learnt


def enqueue_run(run: IndexingRun) -> None:
    """Puts a run into the task queue."""
    async_task("indexing.tasks.work_on_run", run.pk, group=run.kind)


def resume_run(run: IndexingRun) -> bool:
    """Resumes a paused run in the task queue. Returns False if the run is not paused."""
    resumed = runs.resume_run(run)
    if resumed:
        enqueue_run(run)
    return resumed
