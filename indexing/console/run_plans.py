"""What a run would do, in sentences for the page that asks before it starts."""

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from catalog.index.live_index import live_generation
from catalog.models import ProductChange
from indexing.models import IndexingRun
from indexing.monitoring.durations import describe_duration
from indexing.pipeline.fetching.claims import count_due
from indexing.pipeline.training_run import describe_plan

Kind = IndexingRun.Kind
MAX_COUNTED = 100_000  # changes; more are shown as "more than"


def titles() -> dict[str, str]:
    """Returns the question of each kind of run."""
    return {
        Kind.REFRESH: _("Refresh the index now?"),
        Kind.REBUILD: _("Rebuild the index?"),
        Kind.FETCH: _("Fetch photos now?"),
        Kind.IMPORT: _("Pull the sources that are due?"),
        Kind.TRAINING: _("Train the encoder on this catalogue?"),
        Kind.RECOMMENDATIONS: _("Train recommendations now?"),
    }


def describe_start(kind: str) -> list[str]:
    """Says what a run of this kind does, how much there is to do, how long it takes, and whether it
    goes live by itself."""
    if kind == Kind.REFRESH:
        return [
            _waiting_products(),
            _last_duration(kind),
            _("Each product goes live when it is done. Searches go on."),
        ]
    if kind == Kind.REBUILD:
        return [
            describe_photos_to_embed(),
            _last_duration(kind),
            _("The present index answers searches until the new one is finished and measured."),
        ]
    if kind == Kind.FETCH:
        due = count_due()
        return [ngettext("%(n)s photo is due.", "%(n)s photos are due.", due) % {"n": due}]
    if kind == Kind.TRAINING:
        return [describe_plan()]
    if kind == Kind.RECOMMENDATIONS:
        return [
            _("The history of shoppers is learned anew, as every night."),
            _last_duration(kind),
            _("The new model goes live if it finds no less than popular products do."),
        ]
    return [_("Sources whose time has come are pulled, and uploaded files are imported.")]


def publish_choices() -> list[tuple[str, str, str]]:
    """Returns the choices of a rebuild, as radio buttons."""
    return [
        ("publish", "yes", _("Make it live by itself if it passes its checks.")),
        ("publish", "no", _("Only build it. I will compare and publish it myself.")),
    ]


def _waiting_products() -> str:
    waiting = ProductChange.objects.all()[: MAX_COUNTED + 1].count()
    if waiting > MAX_COUNTED:
        return _("More than %(n)s products have changed.") % {"n": MAX_COUNTED}
    if not waiting:
        return _("No product has changed since the last refresh.")
    return ngettext("%(n)s product has changed.", "%(n)s products have changed.", waiting) % {
        "n": waiting
    }


def describe_photos_to_embed() -> str:
    """Says how many photos a rebuild embeds at most."""
    live = live_generation()
    if live is None:
        return _("All photos of the catalogue are embedded.")
    return _(
        "The live index has %(images)s photos of %(products)s products. Photos that this encoder"
        " has embedded before are not embedded again."
    ) % {"images": live.images, "products": live.products}


def _last_duration(kind: str) -> str:
    finished = IndexingRun.objects.filter(kind=kind, state=IndexingRun.State.SUCCEEDED)
    last = finished.exclude(started_at=None).first()
    if last is None or last.started_at is None or last.finished_at is None:
        return _("How long it takes is not known yet: there was none before.")
    return _("The last one took %(duration)s.") % {
        "duration": describe_duration(last.finished_at - last.started_at)
    }
