"""What a training brought: whether the new encoder is better than the one in use."""

from dataclasses import asdict
from typing import Any

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
        return "not measured" if "encoder" in run.result else ""
    before, after = (run.result[when]["recall_at_5"] for when in ("before", "after"))
    return f"recall@5 {before:.3f} → {after:.3f}"


def describe_training(run: IndexingRun) -> str:
    """Describes what a training brought, for operators. Empty before there is a result."""
    result = run.result
    if "encoder" not in result:
        return ""
    learnt = f"Learnt from {result['photos']} photos of {result['products']} products"
    learnt += f" and {result['clicks']} clicks. " if result["clicks"] else ". "
    return learnt + _describe_figures(result) + " " + _describe_consequence(run)


def _describe_figures(result: dict) -> str:
    if "after" not in result:
        return (
            f"It is not measured: fewer than {MIN_QUERIES} products have a photo to search by, so"
            " nothing goes live by itself."
        )
    before, after = result["before"], result["after"]
    kind = "photos" if after["kind"] == "views" else "composed photos (weaker)"
    low, high = (100 * value for value in result["gain_at_5"][1:])
    return (
        f"On {after['queries']} {kind} of products that it has not learnt: recall@1"
        f" {before['recall_at_1']:.3f} before, {after['recall_at_1']:.3f} after; recall@5"
        f" {before['recall_at_5']:.3f} before, {after['recall_at_5']:.3f} after"
        f" (difference {low:+.1f} to {high:+.1f} points)."
    )


def _describe_consequence(run: IndexingRun) -> str:
    result = run.result
    by_hand = f"To use it all the same: manage.py index rebuild --encoder {result['encoder']}"
    if "rebuild" in result:
        return f"Rebuild {result['rebuild']} takes it into use if it passes its gates."
    if "conflict" in result:
        return f"It is better, but no rebuild was started: {result['conflict']} {by_hand}"
    if result["better"]:
        return f"It is better. To use it: manage.py index rebuild --encoder {result['encoder']}"
    if "after" in result and result["after"]["kind"] == "views":
        return f"It is not better, so the encoder in use stays. {by_hand}"
    return by_hand
