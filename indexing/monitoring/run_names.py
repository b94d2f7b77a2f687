"""The kinds and states of runs in the reader's language."""

from django.utils.translation import gettext as _

from indexing.models import IndexingRun

Kind, State = IndexingRun.Kind, IndexingRun.State


def name_kind(kind: str) -> str:
    """Returns the name of a kind of run."""
    names = {
        Kind.REFRESH: _("refresh"),
        Kind.REBUILD: _("rebuild"),
        Kind.TRAINING: _("training"),
        Kind.FETCH: _("fetch"),
        Kind.IMPORT: _("import"),
        Kind.ADOPTION: _("adoption"),
    }
    return names.get(Kind(kind), kind)


def name_state(state: str) -> str:
    """Returns the name of an unfinished state."""
    names = {State.QUEUED: _("queued"), State.RUNNING: _("running"), State.PAUSED: _("paused")}
    return names.get(State(state), state)
