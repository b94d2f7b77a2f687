"""Simulated shoppers, who examine positions of pages and click results."""

import uuid
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any

import numpy as np
from django.utils import timezone

from catalog.models import Event, LoggedSearch
from indexing.clicks.click_model import Page

FEATURES = ("similarity", "tags", "category", "stock", "price", "popularity", "clicks")
SHOWN = 12
EXAMINATION = 1 / np.arange(1, SHOWN + 1) ** 0.7

MakePage = Callable[[np.random.Generator], tuple[np.ndarray, np.ndarray]]
Attractiveness = Callable[[np.ndarray, np.ndarray], np.ndarray]


def random_results(random: np.random.Generator, products: int = 60) -> tuple[Any, Any]:
    """Returns (ids, features) of a page in the order of the cosine; other features are random."""
    features = random.random((SHOWN, len(FEATURES)))
    features = features[np.argsort(-features[:, 0])]
    return random.choice(products, SHOWN, replace=False) + 1, features


def make_pages(
    count: int, attractiveness: Attractiveness, make: MakePage = random_results, seed: int = 1
) -> list[tuple[np.ndarray, Page]]:
    """Returns (ids, page) of each page. A shopper examines a position with the probability
    EXAMINATION, and clicks an examined result with the probability that
    `attractiveness(ids, features)` gives."""
    random, made = np.random.default_rng(seed), []
    for _ in range(count):
        ids, features = make(random)
        clicked = random.random(SHOWN) < EXAMINATION * attractiveness(ids, features)
        made.append((ids, Page(features, np.arange(SHOWN), clicked)))
    return made


def pages_with_clicks(made: Sequence[tuple[np.ndarray, Page]]) -> list[Page]:
    return [page for _, page in made if page.clicked.any() and not page.clicked.all()]


def log_pages(made: Sequence[tuple[np.ndarray, Page]]) -> None:
    """Writes the pages to the search log, one a minute, the last one now, each of another
    shopper."""
    start = timezone.now() - timedelta(minutes=len(made))
    searches, events = [], []
    for number, (ids, page) in enumerate(made):
        at = start + timedelta(minutes=number)
        search = make_search(ids.tolist(), page.features, at=at)
        searches.append(search)
        events += [make_click(search, product) for product in ids[page.clicked].tolist()]
    LoggedSearch.objects.bulk_create(searches)
    Event.objects.bulk_create(events)


def make_search(
    products: Sequence[int], features: np.ndarray, at: datetime | None = None, **fields: Any
) -> LoggedSearch:
    """Returns an unsaved page of results, by default of a new shopper."""
    return LoggedSearch(
        **{
            "query_id": uuid.uuid4().hex,
            "origin": uuid.uuid4().hex[:16],
            "at": at or timezone.now(),
            "kind": "photo",
            "generation_id": 1,
            "timings_ms": {},
            "filtered": False,
            "sort": "relevance",
            "offset": 0,
            "products": list(products),
            "features": [dict(zip(FEATURES, row, strict=True)) for row in features.tolist()],
            **fields,
        }
    )


def make_click(search: LoggedSearch, product: int) -> Event:
    """Returns an unsaved click in the search, from the same origin."""
    return Event(
        type="click",
        product_id=product,
        query_id=search.pk,
        session=search.pk,
        origin=search.origin,
        at=search.at,
    )
