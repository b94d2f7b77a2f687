"""A factor model and a history for a synthetic catalogue, for benchmarks. Its factors gather in
circles of taste, as learned ones do."""

from datetime import timedelta

import numpy as np
from django.utils import timezone

from catalog.index.factor_store import add_factors, build_factor_graph, create_factors
from catalog.models import Event, FactorModel, Product

DIMENSIONS = 32
PRODUCTS_PER_CIRCLE = 500
SPREAD = 0.5  # of factors around the centre of their circle, of length 1
LENGTHS = 0.4  # the deviation of the logarithms of the lengths of factors
CIRCLES_OF_SHOPPER = 2
SHOPPERS = 100  # for each number of events
EVENTS_EACH = (1, 20, 200)
PRODUCTS_AT_ONCE = 50_000


def make_tastes(seed: int = 1) -> FactorModel:
    """Writes a live factor model of all products, and SHOPPERS sessions for each of EVENTS_EACH,
    each of which viewed products of CIRCLES_OF_SHOPPER circles."""
    random = np.random.default_rng(seed)
    ids = np.array(Product.objects.order_by("pk").values_list("pk", flat=True))
    circles = random.integers(max(2, len(ids) // PRODUCTS_PER_CIRCLE), size=len(ids))
    factors = _draw_factors(circles, random)
    model = FactorModel.objects.create(
        dimensions=DIMENSIONS,
        alpha=1.0,
        regularization=10.0,
        longest=float(np.linalg.norm(factors, axis=1).max()),
        gram_bytes=(factors.T @ factors).astype(np.float32).tobytes(),
    )
    create_factors(model)
    for first in range(0, len(ids), PRODUCTS_AT_ONCE):
        part = slice(first, first + PRODUCTS_AT_ONCE)
        add_factors(model, ids[part].tolist(), factors[part], is_learned=True)
    build_factor_graph(model)
    FactorModel.objects.filter(pk=model.pk).update(
        state=FactorModel.State.LIVE, published_at=timezone.now()
    )
    for number, events in enumerate(EVENTS_EACH * SHOPPERS):
        _view(f"{number:032x}", _choose(ids, circles, events, random))
    return FactorModel.objects.get(pk=model.pk)


def _draw_factors(circles: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """Draws the factors (n, DIMENSIONS), float32, of products of these circles (n,)."""
    centres = _unit(random.standard_normal((circles.max() + 1, DIMENSIONS)))
    noise = random.standard_normal((len(circles), DIMENSIONS)) / np.sqrt(DIMENSIONS)
    lengths = 0.3 * np.exp(LENGTHS * random.standard_normal((len(circles), 1)))
    return np.asarray(lengths * _unit(centres[circles] + SPREAD * noise), np.float32)


def _choose(
    ids: np.ndarray, circles: np.ndarray, number: int, random: np.random.Generator
) -> list[int]:
    own = random.choice(circles.max() + 1, CIRCLES_OF_SHOPPER, replace=False)
    chosen: list[int] = random.choice(ids[np.isin(circles, own)], number).tolist()
    return chosen


def _view(session: str, products: list[int]) -> None:
    now = timezone.now()
    Event.objects.insert_once(
        [
            Event(type="view", product_id=pk, session=session, at=now - timedelta(minutes=number))
            for number, pk in enumerate(products)
        ]
    )


def _unit(vectors: np.ndarray) -> np.ndarray:
    return vectors / np.linalg.norm(vectors, axis=-1, keepdims=True)
