"""Shoppers who are simulated: what they were shown, where they looked, and what they opened."""

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
LOOKED_AT = 1 / np.arange(1, SHOWN + 1) ** 0.7

Make = Callable[[np.random.Generator], tuple[np.ndarray, np.ndarray]]
Liked = Callable[[np.ndarray, np.ndarray], np.ndarray]


def random_results(random: np.random.Generator, products: int = 60) -> tuple[Any, Any]:
    """(ids, features) of a page in the order of the cosine, everything else by chance."""
    features = random.random((SHOWN, len(FEATURES)))
    features = features[np.argsort(-features[:, 0])]
    return random.choice(products, SHOWN, replace=False) + 1, features


def pages(
    count: int, liked: Liked, make: Make = random_results, seed: int = 1
) -> list[tuple[np.ndarray, Page]]:
    """(ids, page): a place is looked at as LOOKED_AT says, and a result that is looked at is opened
    with the probability that `liked(ids, features)` gives for each."""
    random, made = np.random.default_rng(seed), []
    for _ in range(count):
        ids, features = make(random)
        clicked = random.random(SHOWN) < LOOKED_AT * liked(ids, features)
        made.append((ids, Page(features, np.arange(SHOWN), clicked)))
    return made


def with_clicks(made: Sequence[tuple[np.ndarray, Page]]) -> list[Page]:
    return [page for _, page in made if page.clicked.any() and not page.clicked.all()]


def log(made: Sequence[tuple[np.ndarray, Page]]) -> None:
    """Writes them as a minute's searches each, the last of them now, each of another shopper."""
    start = timezone.now() - timedelta(minutes=len(made))
    searches, events = [], []
    for number, (ids, page) in enumerate(made):
        at = start + timedelta(minutes=number)
        search = logged(ids.tolist(), page.features, at=at)
        searches.append(search)
        events += [click(search, product) for product in ids[page.clicked].tolist()]
    LoggedSearch.objects.bulk_create(searches)
    Event.objects.bulk_create(events)


def logged(
    products: Sequence[int], features: np.ndarray, at: datetime | None = None, **fields: Any
) -> LoggedSearch:
    """A page of results that is not saved yet, of a shopper of its own."""
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


def click(search: LoggedSearch, product: int) -> Event:
    """A click in it, from where the search came, that is not saved yet."""
    return Event(
        type="click",
        product_id=product,
        query_id=search.pk,
        session=search.pk,
        origin=search.origin,
        at=search.at,
    )
