"""Measures recommendations on the last days of the history, which are held out."""

from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from scipy import sparse

TOP = 20
MAX_SHOPPERS = 5_000
SHOPPERS_AT_ONCE = 256
MIN_GRAPH_RECALL = 0.7  # less than a search needs: one good product is as good as another


@dataclass(frozen=True)
class RankingFigures:
    """`recall`: recall@20; `ndcg`: nDCG@20; `coverage`: the share of the products that somebody is
    recommended; `novelty`: the mean of −log2 of the share of shoppers who know a recommended
    product."""

    recall: float
    ndcg: float
    coverage: float
    novelty: float


def recall_at(ranked: np.ndarray, relevant: set[int]) -> float:
    """Returns the share of the relevant products among the ranked ones (n,). If more are relevant
    than are ranked, n of them are all that can be found."""
    found = sum(1 for product in ranked.tolist() if product in relevant)
    return found / min(len(relevant), len(ranked))


def ndcg_at(ranked: np.ndarray, relevant: set[int]) -> float:
    """Returns the nDCG of ranked products (n,): each relevant one gains 1."""
    discounts = 1.0 / np.log2(2 + np.arange(len(ranked)))
    gains = np.array([product in relevant for product in ranked.tolist()], float)
    return float(gains @ discounts / discounts[: len(relevant)].sum())


def choose_shoppers(earlier: sparse.csr_matrix, later: sparse.csr_matrix) -> np.ndarray:
    """Returns the numbers of at most MAX_SHOPPERS shoppers with a history and something to find."""
    both = (np.diff(earlier.indptr) > 0) & (np.diff(later.indptr) > 0)
    numbers = np.flatnonzero(both)
    if len(numbers) > MAX_SHOPPERS:
        numbers = np.sort(np.random.default_rng(0).choice(numbers, MAX_SHOPPERS, replace=False))
    return numbers


def measure_ranking(
    score: Callable[[np.ndarray], np.ndarray],
    shoppers: np.ndarray,
    earlier: sparse.csr_matrix,
    later: sparse.csr_matrix,
    check: Callable[[], None],
) -> RankingFigures:
    """Measures the TOP products by `score`, which takes numbers of shoppers (m,) and returns their
    scores of all products (m, p). Products that the shopper knows from before are left out."""
    known_by = np.asarray((earlier > 0).sum(axis=0)).ravel() / earlier.shape[0]
    surprise = -np.log2(np.maximum(known_by, 0.5 / earlier.shape[0]))
    recalls, ndcgs, novelties = [], [], []
    shown: set[int] = set()
    for first in range(0, len(shoppers), SHOPPERS_AT_ONCE):
        check()
        part = shoppers[first : first + SHOPPERS_AT_ONCE]
        scores = np.array(score(part), np.float32)
        scores[earlier[part].nonzero()] = -np.inf
        for number, ranked in zip(part, rank_top(scores), strict=True):
            relevant = set(later.indices[later.indptr[number] : later.indptr[number + 1]].tolist())
            recalls.append(recall_at(ranked, relevant))
            ndcgs.append(ndcg_at(ranked, relevant))
            novelties.append(surprise[ranked].mean())
            shown.update(ranked.tolist())
    return RankingFigures(
        recall=round(float(np.mean(recalls)), 4),
        ndcg=round(float(np.mean(ndcgs)), 4),
        coverage=round(len(shown) / earlier.shape[1], 4),
        novelty=round(float(np.mean(novelties)), 3),
    )


def rank_top(scores: np.ndarray) -> np.ndarray:
    """Returns the numbers of the TOP products of each shopper, (m, p) → (m, TOP), best first."""
    top = min(TOP, scores.shape[1])
    best = np.argpartition(-scores, top - 1, axis=1)[:, :top]
    order = np.argsort(-np.take_along_axis(scores, best, axis=1), axis=1, kind="stable")
    return np.take_along_axis(best, order, axis=1)


def failed_gates(figures: dict[str, Any]) -> list[str]:
    """Returns the reasons why a model must not go live, as sentences without a full stop."""
    learned, popular = figures["factors"]["recall"], figures["popularity"]["recall"]
    if learned < popular:
        return [f"its recall@20 is {learned:.3f}, below that of popular products, {popular:.3f}"]
    found = figures.get("graph_recall")
    if found is not None and found < MIN_GRAPH_RECALL:
        return [f"recall@20 of the graph is {found:.3f}, below {MIN_GRAPH_RECALL}"]
    return []


def as_figures(**measured: RankingFigures | None) -> dict[str, dict[str, float]]:
    """Returns the figures as JSON, without rankings that were not measured."""
    return {name: asdict(figures) for name, figures in measured.items() if figures is not None}
