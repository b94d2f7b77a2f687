"""Learns the weights of the ranking features from clicks. A reranker takes over only if it orders
held-out clicks better than the ranking formula of the settings."""

from collections.abc import Mapping, Sequence

import numpy as np
from django.db import transaction

from catalog.models import Reranker
from catalog.reranking import activate_reranker, active_weights
from indexing.clicks.click_model import (
    Page,
    fit_click_model,
    read_pages,
    read_ranking_formula,
)

MIN_PAGES = 200  # with clicks
HELD_OUT_SHARE = 0.25  # of the pages, the latest
MAX_CLICK_GAIN = 20.0
BOOTSTRAP_SAMPLES = 500
MAX_P_VALUE = 0.05


def train_reranker(may_take_over: bool = True) -> Reranker | None:
    """Learns from the log, and stores the weights with their figures as a reranker.

    Activates the reranker if it is better than the formula and no worse than the active one.
    Returns None if there are fewer than MIN_PAGES pages to learn from."""
    names, formula = read_ranking_formula()
    pages = read_pages(names)
    if len(pages) < MIN_PAGES:
        return None
    cut = int(len(pages) * (1 - HELD_OUT_SHARE))
    learnt, held_out = fit_click_model(pages[:cut], formula), pages[cut:]
    usable = bool(learnt.weights[0] > 0)
    weights = learnt.weights / learnt.weights[0] if usable else learnt.weights
    active = active_weights()
    present = np.array([1.0, *(active.get(name, 0.0) for name in names[1:])]) if active else formula
    learnt_ndcg, formula_ndcg, active_ndcg = (
        ndcg(held_out, each, learnt.examination) for each in (weights, formula, present)
    )
    p_value = bootstrap_p_value(learnt_ndcg - formula_ndcg)
    figures = {
        "pages": len(pages),
        "held_out": len(held_out),
        "ndcg": round(float(learnt_ndcg.mean()), 4),
        "ndcg_formula": round(float(formula_ndcg.mean()), 4),
        "ndcg_active": round(float(active_ndcg.mean()), 4),
        "doubt": round(p_value, 4),
    }
    stored = dict(zip(names[1:], np.round(weights[1:], 4).tolist(), strict=True))
    with transaction.atomic():
        reranker = Reranker.objects.create(weights=stored if usable else {}, figures=figures)
        better = p_value < MAX_P_VALUE and learnt_ndcg.mean() >= active_ndcg.mean()
        if usable and better and may_take_over:
            activate_reranker(reranker)
    return reranker


def ndcg(pages: Sequence[Page], weights: np.ndarray, examination: np.ndarray) -> np.ndarray:
    """Returns the NDCG of each page, (pages,), in the order of these weights.

    The gain of a clicked result is the inverse of the examination probability of its position
    (inverse propensity weighting: Joachims, Swaminathan, Schnabel, 2017)."""
    values = []
    for page in pages:
        ranks = np.empty(len(page.clicked))
        ranks[np.argsort(-(page.features @ weights), kind="stable")] = np.arange(len(ranks))
        gains = np.minimum(1 / examination[page.positions], MAX_CLICK_GAIN) * page.clicked
        dcg = (gains / np.log2(2 + ranks)).sum()
        ideal = (np.sort(gains)[::-1] / np.log2(2 + np.arange(len(gains)))).sum()
        values.append(dcg / ideal)
    return np.array(values)


def bootstrap_p_value(differences: np.ndarray, seed: int = 0) -> float:
    """Returns the one-sided p-value of a positive mean difference: the share of bootstrap samples
    whose mean is not above 0."""
    random = np.random.default_rng(seed)
    chosen = (random.choice(differences, len(differences)) for _ in range(BOOTSTRAP_SAMPLES))
    return float(np.mean([sample.mean() <= 0 for sample in chosen]))


def describe_reranker(reranker: Reranker) -> str:
    """Describes the figures of a reranker, and whether it ranks, in two sentences."""
    figures: Mapping[str, float] = reranker.figures
    verdict = "ranks from now on" if reranker.is_active else "is kept, and does not rank"
    return (
        f"NDCG of the clicks on {figures['held_out']} pages held out:"
        f" {figures['ndcg']:.3f} as learnt, {figures['ndcg_formula']:.3f} by the formula,"
        f" {figures['ndcg_active']:.3f} as ranked before."
        f" Reranker {reranker.pk} {verdict}."
    )
