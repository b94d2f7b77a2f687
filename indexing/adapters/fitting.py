"""Fits the adapter from a query encoder to the encoder of the live index, and measures it.

Both encoders encode the same sample: photos that the index encoder has embedded, all photos of each
product, and the titles of these products. A fifth of the products is held out, those with labelled
photos first. Every kind of adapter is measured on the held-out products, and the best one is
kept."""

from dataclasses import dataclass

import numpy as np
from django.conf import settings
from django.utils.translation import gettext as _

from catalog.models import Adapter, Embedding, EncoderVersion
from catalog.visual.adapter import KINDS, FittedAdapter, adapt, fit
from indexing.adapters.sample import MIN_QUERIES, Queries, Sample, read_sample
from indexing.generations.encoder_registry import record_quality
from indexing.ledger.chunking import Check
from indexing.quality.recall_metrics import measure_agreement, rank_labels, recall_at

AGREEMENT_DEPTH = 10  # nearest photos, compared with those found by the index encoder

Figures = dict[str, dict[str, float]]
"""By kind of query (photos, titles, labelled_photos): queries, recall_at_1, recall_at_5, …"""


class AdapterError(Exception):
    """No adapter can be fitted. The message is a sentence that gives the reason."""


@dataclass(frozen=True)
class MeasuredAdapter:
    """A fitted adapter and its figures."""

    adapter: FittedAdapter
    figures: Figures


def fit_adapter(
    query_encoder: EncoderVersion,
    index_encoder: EncoderVersion,
    check: Check,
    careful: bool = False,
) -> Adapter:
    """Fits every kind of adapter on a sample of the catalogue, and stores the best one with the
    figures of all. Embeds photos of the sample that `query_encoder` has not embedded yet, and keeps
    these embeddings. Raises AdapterError or EncoderError."""
    if query_encoder.pk == index_encoder.pk:
        raise AdapterError(
            f"The live index is made by {query_encoder} itself: it needs no adapter."
        )
    sample = read_sample(query_encoder, index_encoder, check, careful)
    if "photos" not in sample.queries:
        raise AdapterError(
            f"An adapter is measured on a fifth of the photos, at least {MIN_QUERIES}, and there"
            f" are {len(sample.photos)} that both encoders have embedded: rebuild instead."
        )
    encoders = measure_encoders(sample)
    record_quality(query_encoder, "sample", encoders["native"])
    measured = _fit_every_kind(sample, check)
    best = choose_best(measured, encoders)
    fitted_on = int((~sample.held_out).sum())
    if len(sample.photos) == Embedding.objects.filter(encoder=index_encoder).count():
        best, fitted_on = refit_on_whole_sample(best, sample), len(sample.photos)
    return Adapter.objects.create(
        query_encoder=query_encoder,
        index_encoder=index_encoder,
        kind=best.adapter.kind,
        parameters=best.adapter.data,
        shapes=best.adapter.shapes,
        checksum=best.adapter.checksum,
        sample=fitted_on,
        figures={
            "adapter": best.figures,
            **encoders,
            "tried": {each.adapter.kind: each.figures for each in measured},
        },
    )


def _fit_every_kind(sample: Sample, check: Check) -> list[MeasuredAdapter]:
    pairs, measured = sample.to_fit_on, []
    for kind in KINDS:
        adapter = fit(kind, pairs.new, pairs.old)
        measured.append(MeasuredAdapter(adapter, measure_adapter(sample, adapter)))
        check()
    return measured


def refit_on_whole_sample(best: MeasuredAdapter, sample: Sample) -> MeasuredAdapter:
    """Fits the best kind of adapter again, with the held-out products. This is for catalogues that
    are in the sample as a whole: an adapter works best for the products that it was fitted on.
    Measures titles and labelled photos again. Keeps the figures of the held-out photos, because the
    adapter has now seen all photos of the catalogue."""
    pairs = sample.everything
    adapter = fit(best.adapter.kind, pairs.new, pairs.old)
    figures = measure_adapter(sample, adapter)
    return MeasuredAdapter(adapter, {**figures, "photos": best.figures["photos"]})


def choose_best(measured: list[MeasuredAdapter], encoders: dict[str, Figures]) -> MeasuredAdapter:
    """Returns the best adapter among those that pass the gates, or among all if none passes: the
    one with the highest recall of photos, then the highest agreement, then the simplest."""

    def quality(each: MeasuredAdapter) -> tuple[bool, float, float]:
        photos = each.figures["photos"]
        passes = not failed_adapter_gates({"adapter": each.figures, **encoders})
        return passes, photos["recall_at_5"], photos["agreement_at_10"]

    return max(measured, key=quality)


def failed_adapter_gates(figures: dict[str, Figures]) -> list[str]:
    """Returns a phrase for each gate that an adapter fails. The recall of photos must reach
    GATE_ADAPTER_RECALL of the query encoder's recall on its own vectors. The recall of photos and
    of titles may be up to GATE_PHOTO_RECALL_DROP below the index encoder's recall."""
    reasons = []
    for kind, measured in figures["adapter"].items():
        recall = measured["recall_at_5"]
        own, current = (figures[by][kind]["recall_at_5"] for by in ("native", "now"))
        reached = f"recall@5 of {kind.replace('_', ' ')} is {recall:.3f} through the adapter"
        one_query = 1 / max(1, measured["queries"])  # a difference of one is not significant
        if kind != "titles" and recall + one_query < settings.GATE_ADAPTER_RECALL * own:
            reasons.append(
                f"{reached}, below {settings.GATE_ADAPTER_RECALL:g} of its own {own:.3f}"
            )
        if recall < current - settings.GATE_PHOTO_RECALL_DROP:
            reasons.append(f"{reached}; it is {current:.3f} now")
    return reasons


def describe_figures(figures: dict[str, Figures]) -> list[str]:
    """Returns recall@5 of each kind of query, as lines for operators."""
    names = {
        "photos": _("photos"),
        "titles": _("titles"),
        "labelled_photos": _("labelled photos"),
    }
    line = _(
        "%(kind)s (%(n)s): recall@5 %(adapted)s through the adapter, %(own)s on vectors of its own,"
        " %(now)s by the index encoder"
    )
    return [
        line
        % {
            "kind": names.get(kind, kind),
            "n": measured["queries"],
            "adapted": f"{measured['recall_at_5']:.3f}",
            "own": f"{figures['native'][kind]['recall_at_5']:.3f}",
            "now": f"{figures['now'][kind]['recall_at_5']:.3f}",
        }
        for kind, measured in figures["adapter"].items()
    ]


def measure_adapter(sample: Sample, adapter: FittedAdapter) -> Figures:
    """Returns the recall of the sample's queries through the adapter, on vectors of the index
    encoder, and the agreement: the share of the AGREEMENT_DEPTH nearest photos that queries of the
    index encoder find too."""
    figures = {}
    for name, queries in sample.queries.items():
        mapped = adapt(adapter, queries.new)
        shared = measure_agreement(
            mapped, queries.old, sample.photos.old, queries.own, AGREEMENT_DEPTH
        )
        figures[name] = {
            **_measure_recall(queries, mapped, sample.photos.old),
            "agreement_at_10": round(shared, 4),
        }
    return figures


def measure_encoders(sample: Sample) -> dict[str, Figures]:
    """Returns the recall of the same queries without an adapter. `native`: by the query encoder, on
    its own vectors of the sample's photos. `now`: by the index encoder, on its own vectors."""
    queries = sample.queries.items()
    return {
        "native": {name: _measure_recall(q, q.new, sample.photos.new) for name, q in queries},
        "now": {name: _measure_recall(q, q.old, sample.photos.old) for name, q in queries},
    }


def _measure_recall(queries: Queries, vectors: np.ndarray, photos: np.ndarray) -> dict[str, float]:
    ranks = rank_labels(vectors, queries.labels, photos, queries.owners, queries.own)
    at_1, at_5 = recall_at(ranks, 1), recall_at(ranks, 5)
    return {"queries": len(ranks), "recall_at_1": round(at_1, 4), "recall_at_5": round(at_5, 4)}
