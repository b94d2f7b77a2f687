"""Pausing, resuming and cancelling a run: what each means, and the function that does it."""

from collections.abc import Callable
from dataclasses import dataclass

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as _lazy

from indexing.ledger import runs
from indexing.models import IndexingRun
from indexing.tasks import resume_queued_run

Text = str | Promise


@dataclass(frozen=True)
class Step:
    """`act` returns whether the run could take the step. `done`: what it did, in English;
    `from_states`: where it is offered."""

    act: Callable[[IndexingRun], bool]
    label: Text
    title: Text
    done: str
    describe: Callable[[IndexingRun], str]
    from_states: tuple[str, ...]


def _describe_pause(run: IndexingRun) -> str:
    return _(
        "Workers give up their present chunk within seconds. What is done stays done, and searches"
        " go on. You can resume the run at any time."
    )


def _describe_resume(run: IndexingRun) -> str:
    return _("The run goes on from where it was.")


def _describe_cancel(run: IndexingRun) -> str:
    if run.kind == IndexingRun.Kind.REBUILD:
        return _(
            "The generation that is being built is thrown away. The live index does not change."
            " Embeddings that are made are kept, so that another rebuild is faster."
        )
    if run.kind == IndexingRun.Kind.TRAINING:
        return _("What the encoder has learned so far is lost. The live index does not change.")
    if run.kind == IndexingRun.Kind.ADOPTION:
        return _("The encoder that encodes queries now stays in use. Searches do not change.")
    return _(
        "What is done stays done. The rest waits for the next run, by hand or by the schedule."
    )


State = IndexingRun.State
STEPS = {
    "pause": Step(
        runs.pause_run,
        _lazy("Pause"),
        _lazy("Pause %(kind)s %(number)s?"),
        "Run %(number)s is paused.",
        _describe_pause,
        (State.QUEUED, State.RUNNING),
    ),
    "resume": Step(
        resume_queued_run,
        _lazy("Resume"),
        _lazy("Resume %(kind)s %(number)s?"),
        "Run %(number)s continues.",
        _describe_resume,
        (State.PAUSED,),
    ),
    "cancel": Step(
        runs.cancel_run,
        _lazy("Cancel"),
        _lazy("Cancel %(kind)s %(number)s?"),
        "Run %(number)s is cancelled.",
        _describe_cancel,
        IndexingRun.UNFINISHED,
    ),
}
