"""Measures how fast recommendations are, and compares them with a floor, the statement that finds
the nearest factors, and with an exact search in memory."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from django.db import connection
from psycopg import sql

from catalog.index.factor_store import nearest_factors, share_of_greatest
from catalog.index.vectors import read_rows
from catalog.models import FactorModel
from search.filters.declared import filter_condition
from search.recommendations.folding_in import fold_in
from search.recommendations.recent_history import read_recent
from search.recommendations.recommending import FOUND, recommend
from search.request import Filters

SHOPPERS_OF_A_KIND = 100
LATEST_SHOPPERS = """
    SELECT "user", session, count(*) FROM (
        SELECT "user", session FROM catalog_event WHERE "user" <> '' OR session <> ''
        ORDER BY id DESC LIMIT 100000) latest
    GROUP BY 1, 2
"""
KINDS = {"1 event": 1, "up to 50": 50, "more": 2**31}  # by their most events

Sender = dict[str, Any]  # `user` or `session`


@dataclass(frozen=True)
class Pace:
    """Milliseconds of each request. `recommend`: a whole one; `nearest`: the statement that finds
    the nearest factors alone, the floor; `exact`: the greatest inner products with all factors in
    memory, without filters."""

    recommend: np.ndarray
    nearest: np.ndarray
    exact: np.ndarray


class RecommendationBenchmark:
    """Measures recommendations by the live model to the latest shoppers. `shoppers` holds at most
    SHOPPERS_OF_A_KIND of each of KINDS, and a stranger."""

    def __init__(self, model: FactorModel) -> None:
        self._model = model
        self.shoppers = _read_shoppers()
        senders = [sender for of_kind in self.shoppers.values() for sender in of_kind]
        folded = [fold_in(model, read_recent(**sender)) for sender in senders]
        self._folded = [shopper.factor for shopper in folded if shopper is not None]
        self._factors = _read_all_factors(model)
        self.shoppers["stranger"] = [{}]

    def measure(self, kind: str, requests: int) -> Pace:
        """Measures `requests` recommendations to the shoppers of a kind. Requests and floors
        alternate with different shoppers, so that other load affects both equally. The search in
        memory comes afterwards: it empties the processor's caches."""
        senders, in_stock = self.shoppers[kind], filter_condition(Filters(in_stock=True))
        recommended, nearest, exact = [], [], []
        for number in range(requests):
            sender = senders[number % len(senders)]
            query = self._folded[(number + len(self._folded) // 2) % len(self._folded)]
            recommended.append(_measure_ms(partial(recommend, **sender)))
            search = partial(nearest_factors, self._model, query, FOUND, in_stock)
            nearest.append(_measure_ms(search))
        for number in range(requests):
            query = self._folded[number % len(self._folded)]
            exact.append(_measure_ms(partial(_find_greatest, self._factors, query)))
        return Pace(np.array(recommended), np.array(nearest), np.array(exact))

    def measure_recall(self) -> float:
        """Returns the share of the FOUND products nearest to a shopper that the graph finds, the
        mean of all shoppers."""
        shares = []
        for query in self._folded:
            found = nearest_factors(self._model, query, FOUND)
            least = np.partition(self._factors @ query.astype(np.float32), -FOUND)[-FOUND]
            shares.append(share_of_greatest(found, float(least), FOUND))
        return float(np.mean(shares))


def _read_shoppers() -> dict[str, list[Sender]]:
    with connection.cursor() as cursor:
        cursor.execute(LATEST_SHOPPERS)
        rows = cursor.fetchall()
    shoppers: dict[str, list[Sender]] = {name: [] for name in KINDS}
    for user, session, events in rows:
        of_kind = shoppers[next(name for name, most in KINDS.items() if events <= most)]
        if len(of_kind) < SHOPPERS_OF_A_KIND:
            of_kind.append({"user": user} if user else {"session": session})
    return {name: of_kind for name, of_kind in shoppers.items() if of_kind}


def _find_greatest(factors: np.ndarray, query: np.ndarray) -> np.ndarray:
    found = min(FOUND, len(factors) - 1)
    return np.argpartition(-(factors @ query.astype(np.float32)), found)[:found]


def _read_all_factors(model: FactorModel) -> np.ndarray:
    query = sql.SQL("SELECT factor FROM {}").format(sql.Identifier(model.factor_table))
    return np.array([row[0] for row in read_rows(query, ["halfvec"])], np.float32)


def _measure_ms(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return 1000 * (time.perf_counter() - start)
