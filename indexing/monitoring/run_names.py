"""The kinds, states and stages of runs in the reader's language."""

from django.utils.text import capfirst
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
        Kind.RECOMMENDATIONS: _("recommendations"),
    }
    return names.get(Kind(kind), kind)


def say_under_way(run: IndexingRun) -> str:
    """Returns the sentence that a run has been started."""
    named = {"kind": name_kind(run.kind), "number": run.pk}
    return capfirst(_("%(kind)s %(number)s is under way.") % named)


def name_stage(stage: str) -> str:
    """Returns the name of a stage; unknown ones, of earlier versions, as they are."""
    names = {
        "": "",
        "adapt": _("fit an adapter"),
        "calibrate": _("calibrate match levels"),
        "calibrate_tags": _("calibrate tags"),
        "catch_up": _("catch up with changes"),
        "collect": _("collect photos"),
        "compare": _("compare encoders"),
        "embed": _("embed photos"),
        "evaluate": _("measure"),
        "factors": _("recommend new products"),
        "fetch": _("fetch photos"),
        "graph": _("build the graph"),
        "hand_over": _("hand over"),
        "import": _("import"),
        "learn": _("learn from the history"),
        "project": _("fit the projection"),
        "publish": _("publish"),
        "refresh": _("embed changes"),
        "repair": _("repair the index"),
        "tag": _("tag products"),
        "terms": _("collect words"),
        "train": _("train"),
        "vectors": _("write vectors"),
    }
    return names.get(stage, stage)


def name_state(state: str) -> str:
    """Returns the name of an unfinished state."""
    names = {State.QUEUED: _("queued"), State.RUNNING: _("running"), State.PAUSED: _("paused")}
    return names.get(State(state), state)
