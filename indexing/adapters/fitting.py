"""Fits the adapter by which a new encoder may ask the live index, and says what it is worth.

Sample: photos of the catalogue that the live generation's encoder has embedded, whole products, and
the titles of those products; both encoders see the same. A fifth of the products is held out, those
of the labelled photos first: on them every kind of adapter is measured, the best is kept."""

from dataclasses import dataclass

import numpy as np
from django.conf import settings

from catalog.models import Adapter, Embedding, EncoderVersion
from catalog.visual.adapter import KINDS, FittedAdapter, adapt, fit
from indexing.adapters.sample import LEAST_QUERIES, Queries, Sample, read_sample
from indexing.encoder_registry import note_quality
from indexing.ledger.chunking import Check
from indexing.quality.recall_metrics import measure_agreement, rank_labels, recall_at

NEIGHBOURS = 10

Figures = dict[str, dict[str, float]]
"""By what asks (photos, titles, labelled_photos): queries, recall_at_1, recall_at_5, …"""


class AdapterError(Exception):
    """No adapter can be fitted; the message is a sentence that says why."""


@dataclass(frozen=True)
class Tried:
    """A kind of adapter and its figures."""

    adapter: FittedAdapter
    figures: Figures


def fit_adapter(
    query_encoder: EncoderVersion,
    index_encoder: EncoderVersion,
    check: Check,
    careful: bool = False,
) -> Adapter:
    """Embeds what the new encoder has not embedded of the sample (those embeddings are kept), fits
    every kind of adapter, and stores the best with the figures of all. Raises AdapterError or
    EncoderError."""
    if query_encoder.pk == index_encoder.pk:
        raise AdapterError(
            f"The live index is made by {query_encoder} itself: it needs no adapter."
        )
    sample = read_sample(query_encoder, index_encoder, check, careful)
    if "photos" not in sample.queries:
        raise AdapterError(
            f"An adapter is measured on a fifth of the photos, at least {LEAST_QUERIES}, and there"
            f" are {len(sample.photos)} that both encoders have embedded: rebuild instead."
        )
    pairs = sample.to_fit_on
    encoders = measure_encoders(sample)
    note_quality(query_encoder, "sample", encoders["native"])
    tried = []
    for kind in KINDS:
        adapter = fit(kind, pairs.new, pairs.old)
        tried.append(Tried(adapter, measure(sample, adapter)))
        check()
    best = best_of(tried, encoders)
    fitted_on = int((~sample.held_out).sum())
    if len(sample.photos) == Embedding.objects.filter(encoder=index_encoder).count():
        best, fitted_on = fitted_again(best, sample), len(sample.photos)
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
            "tried": {one.adapter.kind: one.figures for one in tried},
        },
    )


def fitted_again(best: Tried, sample: Sample) -> Tried:
    """For a catalogue that is all in the sample: the kind that was best on what was held out,
    fitted on that too, as an adapter knows best what it has seen. What asks from outside of the
    catalogue (labelled photos) and its words are measured anew; photos of the catalogue would only
    be recognised, and keep the figures that they had when they were held out."""
    pairs = sample.everything
    adapter = fit(best.adapter.kind, pairs.new, pairs.old)
    anew = measure(sample, adapter)
    return Tried(adapter, {**anew, "photos": best.figures["photos"]})


def best_of(tried: list[Tried], encoders: dict[str, Figures]) -> Tried:
    """Of those that pass the gates (or of all, if none does) the one that finds most of the
    held-out photos' own products; of equals, the one whose answers are most like the stored
    encoder's own; of equals, the plainest."""

    def worth(one: Tried) -> tuple[bool, float, float]:
        photos = one.figures["photos"]
        passes = not failed_gates({"adapter": one.figures, **encoders})
        return passes, photos["recall_at_5"], photos["agreement_at_10"]

    return max(tried, key=worth)


def failed_gates(figures: dict[str, Figures]) -> list[str]:
    """What keeps an adapter from being used, as sentences; empty when it may. Photos must be
    answered nearly as well as by the new encoder on vectors of its own; neither photos nor words
    noticeably worse than they are answered now."""
    reasons = []
    for what, mine in figures["adapter"].items():
        recall = mine["recall_at_5"]
        own, now = (figures[who][what]["recall_at_5"] for who in ("native", "now"))
        reached = f"recall@5 of {what.replace('_', ' ')} is {recall:.3f} through the adapter"
        one = 1 / max(1, mine["queries"])  # more or less says nothing
        if what != "titles" and recall + one < settings.GATE_ADAPTER_RECALL * own:
            reasons.append(
                f"{reached}, below {settings.GATE_ADAPTER_RECALL:g} of its own {own:.3f}"
            )
        if recall < now - settings.GATE_PHOTO_RECALL_DROP:
            reasons.append(f"{reached}; it is {now:.3f} now")
    return reasons


def summary(figures: dict[str, Figures]) -> list[str]:
    """recall@5 of each kind of query, as lines for people."""
    return [
        f"{what.replace('_', ' ')} ({mine['queries']}): recall@5 {mine['recall_at_5']:.3f} through"
        f" the adapter, {figures['native'][what]['recall_at_5']:.3f} on vectors of its own,"
        f" {figures['now'][what]['recall_at_5']:.3f} by the index encoder"
        for what, mine in figures["adapter"].items()
    ]


def measure(sample: Sample, adapter: FittedAdapter) -> Figures:
    """The sample's queries through the adapter, on stored vectors; and the share of the ten nearest
    photos that they have in common with the index encoder's own queries."""
    figures = {}
    for name, queries in sample.queries.items():
        asked = adapt(adapter, queries.new)
        alike = measure_agreement(asked, queries.old, sample.photos.old, queries.place, NEIGHBOURS)
        figures[name] = {
            **_recalls(queries, asked, sample.photos.old),
            "agreement_at_10": round(alike, 4),
        }
    return figures


def measure_encoders(sample: Sample) -> dict[str, Figures]:
    """`native`: the same queries by the new encoder, on its own vectors of the sample's photos;
    `now`: by the stored one, on its own."""
    asked = sample.queries.items()
    return {
        "native": {name: _recalls(q, q.new, sample.photos.new) for name, q in asked},
        "now": {name: _recalls(q, q.old, sample.photos.old) for name, q in asked},
    }


def _recalls(queries: Queries, asked: np.ndarray, photos: np.ndarray) -> dict[str, float]:
    ranks = rank_labels(asked, queries.labels, photos, queries.owners, queries.place)
    at_1, at_5 = recall_at(ranks, 1), recall_at(ranks, 5)
    return {"queries": len(ranks), "recall_at_1": round(at_1, 4), "recall_at_5": round(at_5, 4)}
