"""What a training brought: whether the new encoder is better than the one in use."""

from dataclasses import asdict
from typing import Any

from django.utils.translation import gettext as _

from catalog.console.stored_sentences import translate_sentence
from catalog.quality.self_test import MIN_QUERIES
from indexing.models import IndexingRun
from indexing.quality.encoder_comparison import EncoderComparison


def judge_comparison(comparison: EncoderComparison | None) -> dict[str, Any]:
    """Returns the figures of a comparison, ready for JSON, and whether the new encoder is `better`:
    neither recall@1 nor recall@5 is lower, and one of them is higher. Composed photos do not make
    an encoder better: it is trained on such photos."""
    if comparison is None:
        return {"better": False}
    gains = (comparison.at_1.value, comparison.at_5.value)
    return {
        "before": asdict(comparison.current),
        "after": asdict(comparison.new),
        "gain_at_1": list(comparison.at_1),
        "gain_at_5": list(comparison.at_5),
        "better": comparison.new.kind == "views" and min(gains) >= 0 and max(gains) > 0,
    }


def last_training() -> IndexingRun | None:
    """Returns the last training that has a result."""
    trainings = IndexingRun.objects.filter(kind=IndexingRun.Kind.TRAINING)
    return trainings.filter(result__has_key="encoder").first()


def summarise_training(run: IndexingRun) -> str:
    """Describes what a training brought in a few words, for lists. Empty before there is a
    result."""
    if "after" not in run.result:
        return _("not measured") if "encoder" in run.result else ""
    before, after = (run.result[when]["recall_at_5"] for when in ("before", "after"))
    return f"recall@5 {before:.3f} → {after:.3f}"


def describe_training(run: IndexingRun) -> str:
    """Describes what a training brought, for operators. Empty before there is a result."""
    result = run.result
    if "encoder" not in result:
        return ""
    values = {name: result[name] for name in ("photos", "products", "clicks")}
    if result["clicks"]:
        learnt = _("Learnt from %(photos)s photos of %(products)s products and %(clicks)s clicks.")
    else:
        learnt = _("Learnt from %(photos)s photos of %(products)s products.")
    return " ".join([learnt % values, _describe_figures(result), _describe_consequence(run)])


def _describe_figures(result: dict) -> str:
    if "after" not in result:
        return _(
            "It is not measured: fewer than %(least)s products have a photo to search by, so"
            " nothing goes live by itself."
        ) % {"least": MIN_QUERIES}
    before, after = result["before"], result["after"]
    low, high = (f"{100 * value:+.1f}" for value in result["gain_at_5"][1:])
    values = {"n": after["queries"], "low": low, "high": high}
    for when, figures in (("before", before), ("after", after)):
        for k in (1, 5):
            values[f"{when}_{k}"] = f"{figures[f'recall_at_{k}']:.3f}"
    if after["kind"] == "views":
        on = _("On %(n)s photos of products that it has not learnt:")
    else:
        on = _("On %(n)s composed photos (weaker) of products that it has not learnt:")
    measured = _(
        "recall@1 %(before_1)s before, %(after_1)s after; recall@5 %(before_5)s before, %(after_5)s"
        " after (difference %(low)s to %(high)s points)."
    )
    return f"{on} {measured}" % values


def _describe_consequence(run: IndexingRun) -> str:
    result = run.result
    command = f"manage.py index rebuild --encoder {result['encoder']}"
    by_hand = _("To use it all the same: %(command)s") % {"command": command}
    if "rebuild" in result:
        return _describe_rebuild(result["rebuild"])
    if "conflict" in result:
        better = _("It is better, but no rebuild was started:")
        return f"{better} {translate_sentence(result['conflict'])} {by_hand}"
    if result["better"]:
        return _("It is better. To use it: %(command)s") % {"command": command}
    if "after" in result and result["after"]["kind"] == "views":
        return _("It is not better, so the encoder in use stays.") + f" {by_hand}"
    return by_hand


def _describe_rebuild(number: int) -> str:
    rebuild = IndexingRun.objects.select_related("generation").filter(pk=number).first()
    if rebuild and rebuild.generation and rebuild.generation.published_at:
        sentence = _("Rebuild %(number)s has taken it into use.")
    elif rebuild and rebuild.is_finished:
        sentence = _("Rebuild %(number)s has not taken it into use.")
    else:
        sentence = _("Rebuild %(number)s takes it into use if it passes its gates.")
    return sentence % {"number": number}
