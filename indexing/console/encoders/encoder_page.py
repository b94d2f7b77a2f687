"""The page of an encoder: its figures beside those of another one, how it was trained, and what can
be done with it."""

from collections.abc import Mapping
from typing import Any

from django.contrib.admin import ModelAdmin
from django.http import HttpRequest
from django.template.response import TemplateResponse
from django.utils.translation import gettext as _

from catalog.console.rights import Right, may
from catalog.importing.errors import grouped
from catalog.index.live_index import live_generation
from catalog.models import EncoderVersion
from indexing.console.charts import Chart, draw_chart
from indexing.console.run_plans import describe_photos_to_embed
from indexing.generations.encoder_registry import list_encoders
from indexing.models import IndexingRun
from indexing.quality.generation_self_test import describe_self_test
from indexing.quality.training_result import describe_training

TEMPLATE = "admin/catalog/encoderversion/encoder.html"


def show_encoder(request: HttpRequest, of: ModelAdmin, version: EncoderVersion) -> TemplateResponse:
    """Shows an encoder beside the one that the address names, by default the one in use."""
    encoders = list(list_encoders())
    shown = next(each for each in encoders if each.pk == version.pk)
    others = [each for each in encoders if each.pk != version.pk]
    live = live_generation()
    in_use = {live.encoder_id, live.query_encoder.pk} if live else set()
    chosen = [each for each in others if str(each.pk) == request.GET.get("with")]
    other = next(iter(chosen or [each for each in others if each.pk in in_use] or others), None)
    pair = [shown, other] if other else [shown]
    trainings = {
        run.result["encoder"]: run
        for run in IndexingRun.objects.filter(
            kind=IndexingRun.Kind.TRAINING, result__encoder__in=[each.name for each in pair]
        ).order_by("pk")
    }
    rows = zip(*[_describe(each, trainings.get(each.name)) for each in pair], strict=True)
    training = trainings.get(shown.name)
    context = {
        **of.admin_site.each_context(request),
        "title": str(version),
        "opts": of.opts,
        "shown": shown,
        "others": others,
        "pair": pair,
        "figures": [(row[0][0], [value for _name, value in row]) for row in rows],
        "training": describe_training(training) if training else "",
        "charts": draw_curves(training.result.get("curves", {})) if training else [],
        "may_publish": may(request.user, Right.PUBLISH),
        "may_adopt": live is not None and shown.pk not in in_use,
        "may_rebuild": live is None or shown.pk != live.encoder_id,
    }
    return TemplateResponse(request, TEMPLATE, context)


def draw_curves(curves: Mapping[str, list[float]]) -> list[Chart]:
    """Returns a chart of each loss of a training by its steps."""
    names = {
        "product": _("Loss of photos: the same product or another"),
        "text": _("Loss of words: the title of the photo or another"),
        "length": _("Loss of lengths"),
    }
    labels = [f"{step:.0f}" for step in curves.get("step", [])]
    return [
        draw_chart(title, labels, {_("mean of 20 steps"): curves[name]})
        for name, title in names.items()
        if any(curves.get(name, ()))
    ]


def describe_adoption() -> list[str]:
    """Says what the adoption of an encoder does."""
    return [
        _(
            "This encoder then encodes what shoppers search with. The photos of the catalogue keep"
            " their vectors, and an adapter translates between the two."
        ),
        _(
            "The adapter is fitted and measured on photos of the catalogue first, which takes some"
            " minutes. It is used only if it finds about as much as now. Otherwise searches do not"
            " change, and the run says why."
        ),
        _("You can undo it under Generations: Roll back."),
    ]


def describe_rebuild(version: EncoderVersion) -> list[str]:
    """Says what a rebuild with an encoder does."""
    return [
        describe_photos_to_embed(),
        _("The present index answers searches until the new one is finished and measured."),
    ]


def _describe(version: Any, training: IndexingRun | None) -> list[tuple[str, str]]:
    quality = version.quality
    labelled, sample = quality.get("labelled_photos"), quality.get("sample", {})
    self_test = quality.get("self_test")
    return [
        (_("status"), version.get_status_display()),
        (_("source"), version.source),
        (_("numbers of a vector"), str(version.dimensions)),
        (_("photos embedded"), grouped(version.embeddings)),
        (_("registered"), f"{version.created_at:%Y-%m-%d}"),
        (_("self-test"), describe_self_test(self_test) if self_test else "–"),
        (_("labelled photos"), _recall(labelled, "photos")),
        (_("sample: photos"), _recall(sample.get("photos"))),
        (_("sample: titles"), _recall(sample.get("titles"))),
        (_("trained on this catalogue"), _trained(training)),
    ]


def _recall(figures: Mapping[str, Any] | None, number: str = "queries") -> str:
    if not figures:
        return "–"
    values = {
        "at_1": f"{figures['recall_at_1']:.3f}",
        "at_5": f"{figures['recall_at_5']:.3f}",
        "n": figures.get(number, "–"),
    }
    return _("recall@1 %(at_1)s, recall@5 %(at_5)s (%(n)s)") % values


def _trained(training: IndexingRun | None) -> str:
    if training is None:
        return _("no")
    return _("training %(number)s, from %(start)s") % {
        "number": training.pk,
        "start": training.encoder,
    }
