"""Weights of the ranking features learnt from clicks: a logistic model of what shoppers open.

A result is clicked if its place is looked at and it is liked; how much it is liked is a logistic
function of its features. Both are found together by regression-based expectation maximisation
(Wang, Golbandi, Bendersky, Metzler, Najork, "Position Bias Estimation for Unbiased Learning to Rank
in Personal Search", 2018). The model takes over only where it orders clicks held out better than
the formula does."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

import numpy as np
from django.conf import settings
from django.db import transaction
from django.utils import timezone

from catalog.models import Event, LoggedSearch, Reranker
from indexing.click_rates import PLACES

LEAST_PAGES = 200  # with a click
MOST_PAGES = 20_000  # the latest
HELD_OUT = 0.25  # of those with a click, the latest
MOST_WORTH = 20.0  # of a click
PENALTY = 1e-3
STEPS = 80
RESAMPLED = 500
SURE = 0.05  # the share of resamplings in which the formula may be as good


@dataclass(frozen=True)
class Page:
    """A page of results: features (n, f), places (n,) from 0, and which were clicked (n,), bool."""

    features: np.ndarray
    places: np.ndarray
    clicked: np.ndarray


def train_reranker() -> Reranker | None:
    """Learns from the log, and activates what was learnt if it is better than the formula of the
    settings. None where there are fewer than LEAST_PAGES pages with clicks."""
    names = ["similarity", *settings.RANKING_WEIGHTS]
    pages = read_pages(names)
    answered = [number for number, page in enumerate(pages) if page.clicked.any()]
    if len(answered) < LEAST_PAGES:
        return None
    cut = answered[int(len(answered) * (1 - HELD_OUT))]
    learnt, looked_at = fit(pages[:cut])
    held_out = [page for page in pages[cut:] if page.clicked.any() and not page.clicked.all()]
    formula = np.array([1.0, *settings.RANKING_WEIGHTS.values()])
    mine, theirs = (ndcg(held_out, weights, looked_at) for weights in (learnt, formula))
    doubt = doubtfulness(mine - theirs)
    better = learnt[0] > 0 and doubt < SURE
    weights = learnt / learnt[0] if learnt[0] > 0 else learnt
    figures = {
        "pages": len(pages),
        "with_clicks": len(answered),
        "held_out": len(held_out),
        "ndcg": round(float(mine.mean()), 4),
        "ndcg_formula": round(float(theirs.mean()), 4),
        "doubt": round(doubt, 4),
    }
    stored = dict(zip(names[1:], np.round(weights[1:], 4).tolist(), strict=True))
    with transaction.atomic():
        if better:
            Reranker.objects.filter(is_active=True).update(is_active=False)
        return Reranker.objects.create(weights=stored, figures=figures, is_active=better)


def deactivate() -> bool:
    """The formula ranks again; False if it did."""
    return bool(Reranker.objects.filter(is_active=True).update(is_active=False))


def read_pages(names: Sequence[str]) -> list[Page]:
    """The latest pages by relevance, with their clicks, the oldest first."""
    since = timezone.now() - timedelta(days=settings.SEARCH_LOG_DAYS)
    clicks: dict[str, set[int]] = {}
    events = Event.objects.filter(type=Event.Type.CLICK, at__gte=since).exclude(query_id="")
    for query_id, product_id in events.values_list("query_id", "product_id"):
        clicks.setdefault(query_id, set()).add(product_id)
    pages = []
    searches = LoggedSearch.objects.filter(sort="relevance", at__gte=since).order_by("-at")
    for search in searches[:MOST_PAGES]:
        if not search.products:
            continue
        clicked = np.isin(search.products, list(clicks.get(search.pk, ())))
        places = np.minimum(search.offset + np.arange(len(clicked)), PLACES - 1)
        features = np.array([[of[name] for name in names] for of in search.features])
        pages.append(Page(features, places, clicked))
    return pages[::-1]


def fit(pages: Sequence[Page]) -> tuple[np.ndarray, np.ndarray]:
    """(the weights (f,) of a logistic model of liking, how far each place is looked at against the
    first, (PLACES,)). One step of Newton's method for each step of the expectation maximisation."""
    features = np.concatenate([page.features for page in pages])
    places = np.concatenate([page.places for page in pages])
    clicked = np.concatenate([page.clicked for page in pages]).astype(float)
    scale = np.maximum(features.std(axis=0), 1e-6)
    x = np.column_stack([features / scale, np.ones(len(features))])
    penalty = PENALTY * np.append(np.ones(len(scale)), 0.0)
    beta, looked = np.zeros(x.shape[1]), 1 / np.arange(1, PLACES + 1)
    shown = np.bincount(places, minlength=PLACES)
    for _ in range(STEPS):
        liked = 1 / (1 + np.exp(-np.clip(x @ beta, -30, 30)))
        both = looked[places] * liked
        unclicked = (1 - clicked) / np.maximum(1 - both, 1e-9)
        seen = np.bincount(places, clicked + unclicked * (looked[places] - both), PLACES)
        target = clicked + unclicked * (liked - both)
        gradient = x.T @ (target - liked) / len(x) - penalty * beta
        curvature = (x * (liked * (1 - liked))[:, None]).T @ x / len(x) + np.diag(penalty)
        beta = beta + np.linalg.solve(curvature + 1e-9 * np.eye(len(beta)), gradient)
        looked = np.where(shown > 0, seen / np.maximum(shown, 1), looked)
        looked = np.clip(looked / looked[0], 1e-3, 1.0)
    return beta[:-1] / scale, looked


def ndcg(pages: Sequence[Page], weights: np.ndarray, looked_at: np.ndarray) -> np.ndarray:
    """(pages,): the discounted gain of the clicked results in the order of these weights, each
    worth more the less its place is looked at, against the best order."""
    gains = []
    for page in pages:
        ranks = np.empty(len(page.clicked))
        ranks[np.argsort(-(page.features @ weights), kind="stable")] = np.arange(len(ranks))
        worth = np.minimum(1 / looked_at[page.places], MOST_WORTH) * page.clicked
        gain = (worth / np.log2(2 + ranks)).sum()
        best = (np.sort(worth)[::-1] / np.log2(2 + np.arange(len(worth)))).sum()
        gains.append(gain / best)
    return np.array(gains)


def doubtfulness(differences: np.ndarray, seed: int = 0) -> float:
    """The share of resamplings (bootstrap) in which the mean difference is not above 0."""
    random = np.random.default_rng(seed)
    chosen = random.integers(0, len(differences), (RESAMPLED, len(differences)))
    return float((differences[chosen].mean(axis=1) <= 0).mean())


def described(reranker: Reranker) -> str:
    """What was learnt and how good it is, in a sentence."""
    figures: Mapping[str, float] = reranker.figures
    verdict = "takes over" if reranker.is_active else "is not used"
    return (
        f"Reranker {reranker.pk} {verdict}: NDCG {figures['ndcg']:.3f} on {figures['held_out']}"
        f" pages held out, the formula's {figures['ndcg_formula']:.3f}."
    )
