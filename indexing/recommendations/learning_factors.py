"""Learns a factor model from the history, and measures it on the last days."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import Any

import numpy as np
from django.conf import settings

from catalog.index.factor_store import (
    add_factors,
    create_factors,
    predict_factors,
    read_learned_factors,
)
from catalog.models import EncoderVersion, FactorModel
from indexing.recommendations.factor_evaluation import (
    as_figures,
    choose_shoppers,
    measure_ranking,
)
from indexing.recommendations.factor_training import (
    FactorSettings,
    Ridge,
    TrainedFactors,
    extend,
    train_factors,
)
from indexing.recommendations.product_looks import looks_of, read_looks
from indexing.recommendations.shopper_history import ShopperHistory, read_history

HELD_OUT_DAYS = 7
DIMENSIONS = (8, 16, 32, 64)
FIRST_DIMENSIONS = 32
STRENGTHS = ((1.0, 10.0), (10.0, 10.0), (40.0, 20.0))
"""The confidences and regularizations that are tried: more for larger and sparser histories."""
MIN_SHOPPERS = 20  # to learn from, and to measure on
MAX_COMPARED_LOOKS = 100_000  # products whose looks are held in memory, to compare with

Check = Callable[[], None]


class TooFewEvents(Exception):
    """There is too little history to learn from. The message is a sentence."""


def read_recent_history(until: datetime) -> ShopperHistory:
    """Reads the history of HISTORY_DAYS before `until`. Raises TooFewEvents."""
    history = read_history(until, settings.HISTORY_DAYS, HELD_OUT_DAYS)
    found = len(choose_shoppers(history.earlier, history.later)) if history.shoppers else 0
    if found < MIN_SHOPPERS:
        raise TooFewEvents(
            f"{found} shoppers have opened new products in the last {HELD_OUT_DAYS} days and others"
            f" before. At least {MIN_SHOPPERS} are needed to learn recommendations."
        )
    return history


def measure_history(
    history: ShopperHistory, encoder: EncoderVersion | None, check: Check
) -> tuple[dict[str, Any], FactorSettings]:
    """Trains on the days before those held out, and returns the figures of the factors, of popular
    products and of looks alone, with the numbers of shoppers and products, and the settings of the
    training. They do best for every second shopper; the figures are of the others."""
    earlier, later = history.earlier, history.later
    measured_by = choose_shoppers(earlier, later)
    deciding, shoppers = measured_by[::2], measured_by[1::2]
    trained = choose_settings(history, deciding, check)
    liked = earlier.maximum(0)
    popularity = np.asarray(liked.sum(axis=0)).ravel()

    def by_factors(numbers: np.ndarray) -> np.ndarray:
        return trained.shoppers[numbers] @ trained.products.T

    def by_popularity(numbers: np.ndarray) -> np.ndarray:
        return np.tile(popularity, (len(numbers), 1))

    measured = {
        "factors": measure_ranking(by_factors, shoppers, earlier, later, check),
        "popularity": measure_ranking(by_popularity, shoppers, earlier, later, check),
    }
    if encoder is not None and len(history.products) <= MAX_COMPARED_LOOKS:
        looks = looks_of(encoder.pk, history.products)

        def by_looks(numbers: np.ndarray) -> np.ndarray:
            return np.asarray(liked[numbers] @ looks) @ looks.T

        measured["looks"] = measure_ranking(by_looks, shoppers, earlier, later, check)
    figures = {
        **as_figures(**measured),
        "shoppers": history.shoppers,
        "measured_shoppers": len(shoppers),
        "learned_products": len(history.products),
    }
    return figures, trained.settings


def choose_settings(history: ShopperHistory, shoppers: np.ndarray, check: Check) -> TrainedFactors:
    """Trains on the days before those held out with several settings, and returns the factors with
    the highest recall for these shoppers: first among FIRST_DIMENSIONS with all strengths, then
    among all sizes with the best of these."""

    def recall(trained: TrainedFactors) -> float:
        def score(numbers: np.ndarray) -> np.ndarray:
            return trained.shoppers[numbers] @ trained.products.T

        return measure_ranking(score, shoppers, history.earlier, history.later, check).recall

    def train(chosen: FactorSettings) -> TrainedFactors:
        return train_factors(history.earlier, chosen, check)

    strengths = (train(FactorSettings(FIRST_DIMENSIONS, *strength)) for strength in STRENGTHS)
    first = max(strengths, key=recall)
    sizes = (
        first if size == FIRST_DIMENSIONS else train(replace(first.settings, dimensions=size))
        for size in DIMENSIONS
    )
    return max(sizes, key=recall)


def write_factors(
    model: FactorModel, history: ShopperHistory, chosen: FactorSettings, check: Check
) -> tuple[TrainedFactors, int]:
    """Trains on the whole history and writes the model's table: learned factors, and for the other
    products those that follow from their embeddings. Returns the factors and the number of other
    products."""
    trained = train_factors(history.all_days, chosen, check)
    model.dimensions = trained.products.shape[1]
    model.alpha, model.regularization = chosen.alpha, chosen.regularization
    model.longest = float(np.linalg.norm(trained.products, axis=1).max())
    model.gram_bytes = trained.gram.astype(np.float32).tobytes()
    create_factors(model)
    add_factors(model, history.products.tolist(), trained.products, is_learned=True)
    others = 0
    if model.encoder_id is not None:
        ridge = fit_ridge(model.encoder_id, history.products, trained.products, check)
        if ridge is not None:
            model.ridge_bytes = ridge.tobytes()
            others = add_missing_factors(model, check)
    model.save()
    return trained, others


def fit_ridge(
    encoder_id: int, products: np.ndarray, factors: np.ndarray, check: Check
) -> np.ndarray | None:
    """Fits the regression from embeddings to learned factors, (d + 1, k)."""
    ridge = Ridge()
    for ids, vectors in read_looks(encoder_id):
        check()
        places = np.minimum(np.searchsorted(products, ids), len(products) - 1)
        known = products[places] == ids
        if known.any():
            ridge.add(vectors[known], factors[places[known]])
    return ridge.fit()


def add_missing_factors(model: FactorModel, check: Check) -> int:
    """Adds factors of the visible products that have an embedding and no factor yet. Returns their
    number, 0 if the model cannot tell factors from embeddings."""
    ridge, added = model.ridge, 0
    if model.encoder_id is None or ridge is None:
        return 0
    for ids, vectors in read_looks(model.encoder_id, without_factor_in=model):
        check()
        predict_factors(model, ids.tolist(), extend(vectors) @ ridge)
        added += len(ids)
    return added


def follow_encoder(model: FactorModel, encoder: EncoderVersion, check: Check) -> None:
    """Makes the model predict factors from the embeddings of this encoder, which now indexes the
    catalogue. The factors that it has stay."""
    products, factors = read_learned_factors(model)
    ridge = fit_ridge(encoder.pk, products, factors, check) if len(products) else None
    if ridge is not None:
        model.encoder, model.ridge_bytes = encoder, ridge.tobytes()
        model.save(update_fields=["encoder", "ridge_bytes"])
