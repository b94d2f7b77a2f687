"""Weights of the ranking features learnt from clicks. They take over only where they order clicks
held out better than the formula of the settings does."""

from collections.abc import Mapping, Sequence

import numpy as np
from django.db import transaction

from catalog.models import Reranker
from catalog.reranking import activate_reranker, active_weights
from indexing.clicks.click_model import Page, fit, formula_of_settings, read_pages

LEAST_PAGES = 200  # with clicks
HELD_OUT = 0.25  # of them, the latest
MOST_WORTH = 20.0  # of a click
RESAMPLED = 500
SURE = 0.05  # the share of resamplings in which the formula may be as good


def train_reranker(may_take_over: bool = True) -> Reranker | None:
    """Learns from the log; what was learnt is stored with its figures, and activated if it is
    better than the formula and no worse than what is active. None where there are fewer than
    LEAST_PAGES pages to learn from."""
    names, formula = formula_of_settings()
    pages = read_pages(names)
    if len(pages) < LEAST_PAGES:
        return None
    cut = int(len(pages) * (1 - HELD_OUT))
    learnt, held_out = fit(pages[:cut], formula), pages[cut:]
    usable = bool(learnt.weights[0] > 0)
    weights = learnt.weights / learnt.weights[0] if usable else learnt.weights
    active = active_weights()
    now = np.array([1.0, *(active.get(name, 0.0) for name in names[1:])]) if active else formula
    mine, theirs, current = (
        ndcg(held_out, each, learnt.examination) for each in (weights, formula, now)
    )
    doubt = doubtfulness(mine - theirs)
    figures = {
        "pages": len(pages),
        "held_out": len(held_out),
        "ndcg": round(float(mine.mean()), 4),
        "ndcg_formula": round(float(theirs.mean()), 4),
        "ndcg_active": round(float(current.mean()), 4),
        "doubt": round(doubt, 4),
    }
    stored = dict(zip(names[1:], np.round(weights[1:], 4).tolist(), strict=True))
    with transaction.atomic():
        reranker = Reranker.objects.create(weights=stored if usable else {}, figures=figures)
        better = doubt < SURE and mine.mean() >= current.mean()
        if usable and better and may_take_over:
            activate_reranker(reranker)
    return reranker


def ndcg(pages: Sequence[Page], weights: np.ndarray, examination: np.ndarray) -> np.ndarray:
    """(pages,): the discounted gain of the clicked results in the order of these weights, each
    worth more the less its place is looked at (inverse propensity: Joachims, Swaminathan, Schnabel,
    2017), against the best order."""
    gains = []
    for page in pages:
        ranks = np.empty(len(page.clicked))
        ranks[np.argsort(-(page.features @ weights), kind="stable")] = np.arange(len(ranks))
        worth = np.minimum(1 / examination[page.places], MOST_WORTH) * page.clicked
        gain = (worth / np.log2(2 + ranks)).sum()
        best = (np.sort(worth)[::-1] / np.log2(2 + np.arange(len(worth)))).sum()
        gains.append(gain / best)
    return np.array(gains)


def doubtfulness(differences: np.ndarray, seed: int = 0) -> float:
    """The share of resamplings (bootstrap) in which the mean difference is not above 0."""
    random = np.random.default_rng(seed)
    chosen = (random.choice(differences, len(differences)) for _ in range(RESAMPLED))
    return float(np.mean([sample.mean() <= 0 for sample in chosen]))


def described(reranker: Reranker) -> str:
    """What was learnt and how good it is, in two sentences."""
    figures: Mapping[str, float] = reranker.figures
    verdict = "ranks from now on" if reranker.is_active else "is kept, and does not rank"
    return (
        f"NDCG of the clicks on {figures['held_out']} pages held out:"
        f" {figures['ndcg']:.3f} as learnt, {figures['ndcg_formula']:.3f} by the formula,"
        f" {figures['ndcg_active']:.3f} as ranked before."
        f" Reranker {reranker.pk} {verdict}."
    )
