"""Preferences, factors and figures, with numbers worked out by hand or by brute force."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from scipy import optimize, sparse

from catalog.index.preferences import decay, solve_preferences
from config.paths import BASE_DIR
from indexing.recommendations.factor_evaluation import (
    choose_shoppers,
    failed_gates,
    measure_ranking,
    ndcg_at,
    rank_top,
    recall_at,
)
from indexing.recommendations.factor_training import (
    FactorSettings,
    Ridge,
    extend,
    train_factors,
)

SETTINGS = FactorSettings(dimensions=8, alpha=1.0, regularization=10.0)


def nothing() -> None:
    """A check of a worker that holds its chunk."""


def test_an_event_counts_half_after_the_half_life() -> None:
    assert decay(np.array([0.0, 30.0, 60.0, -1.0])).tolist() == [1.0, 0.5, 0.25, 1.0]


@pytest.mark.parametrize("seed", range(5))
def test_folding_in_minimises_the_weighted_error(seed: int) -> None:
    random = np.random.default_rng(seed)
    products = random.normal(0, 0.4, (40, 5))
    own = random.choice(40, 6, replace=False)
    weights = np.array([1.0, 3.0, 0.5, 5.0, -2.0, 0.2])

    def error(factor: np.ndarray) -> float:
        preference, confidence = np.zeros(40), np.ones(40)
        preference[own] = weights > 0
        confidence[own] += 4.0 * np.abs(weights)
        squares = confidence * (preference - products @ factor) ** 2
        return float(squares.sum() + 0.3 * factor @ factor)

    factor, contributions = solve_preferences(
        products[own], weights, products.T @ products, 4.0, 0.3
    )

    best = optimize.minimize(error, np.zeros(5), method="BFGS", options={"gtol": 1e-9})
    assert np.allclose(factor, best.x, atol=1e-5)
    assert np.allclose(contributions.sum(axis=0), factor)
    assert not contributions[4].any()  # a rejected product recommends nothing


def circles(shoppers: int = 120, products: int = 60, seed: int = 0) -> sparse.csr_matrix:
    """Preferences of shoppers who open products of one of four circles, and a few others."""
    random = np.random.default_rng(seed)
    weights = np.zeros((shoppers, products), np.float32)
    for shopper in range(shoppers):
        own = np.arange(shopper % 4, products, 4)
        weights[shopper, random.choice(own, 6, replace=False)] = 1 + random.integers(3)
        weights[shopper, random.choice(products)] = 0.5
    return sparse.csr_matrix(weights)


def test_a_folded_in_shopper_has_the_factor_of_training() -> None:
    weights = circles()
    trained = train_factors(weights, SETTINGS, nothing)

    cosines = []
    for shopper in range(weights.shape[0]):
        row = weights[shopper]
        factor, _ = solve_preferences(
            trained.products[row.indices],
            row.data,
            trained.gram,
            SETTINGS.alpha,
            SETTINGS.regularization,
        )
        known = trained.shoppers[shopper]
        cosines.append(factor @ known / np.linalg.norm(factor) / np.linalg.norm(known))
    assert np.median(cosines) >= 0.95


def test_factors_predict_the_products_of_the_own_circle() -> None:
    weights = circles()
    trained = train_factors(weights, SETTINGS, nothing)

    scores = trained.shoppers @ trained.products.T
    scores[weights.nonzero()] = -np.inf
    best = scores.argmax(axis=1)
    assert np.mean(best % 4 == np.arange(len(best)) % 4) > 0.95


@pytest.mark.long
def test_factors_are_trained_without_the_openmp_of_the_system() -> None:
    # Given a file system of its own, in which the library is empty,
    apart = ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c"]
    hidden = [f"mount --bind /dev/null {path}" for path in Path("/lib").glob("*/libgomp.so.1")]
    command = " && ".join([*hidden, 'exec "$@"'])
    if subprocess.run([*apart, command, "sh", "true"], capture_output=True).returncode:
        pytest.skip("this user may not mount anything")
    code = (
        "import numpy as np; from scipy import sparse\n"
        "from indexing.recommendations.factor_training import FactorSettings, train_factors\n"
        "weights = sparse.csr_matrix(np.eye(9, dtype=np.float32))\n"
        "print(train_factors(weights, FactorSettings(2, 1, 1), lambda: None).products.shape)\n"
    )

    # training works all the same.
    done = subprocess.run(
        [*apart, command, "sh", sys.executable, "-c", code],
        cwd=BASE_DIR,
        capture_output=True,
        text=True,
    )
    assert (done.stdout, done.returncode) == ("(9, 2)\n", 0), done.stderr


def test_ridge_gives_factors_from_embeddings() -> None:
    random = np.random.default_rng(2)
    embeddings = random.normal(0, 1, (400, 6))
    embeddings /= np.linalg.norm(embeddings, axis=1, keepdims=True)
    factors = embeddings @ random.normal(0, 1, (6, 3)) + [1.0, 2.0, 3.0]
    ridge = Ridge()
    ridge.add(embeddings[:100], factors[:100])
    ridge.add(embeddings[100:300], factors[100:300])

    matrix = ridge.fit()

    assert matrix is not None
    predicted = extend(embeddings[300:]) @ matrix
    centred = factors[300:] - factors[300:].mean(axis=0)
    assert (
        np.corrcoef((predicted - factors[:300].mean(axis=0)).ravel(), centred.ravel())[0, 1] > 0.99
    )
    assert Ridge().fit() is None


def test_figures_worked_out_by_hand() -> None:
    ranked = np.array([4, 9, 7, 1])

    assert recall_at(ranked, {9, 1, 30}) == 2 / 3
    assert recall_at(ranked, set(range(100))) == 1.0
    assert ndcg_at(ranked, {4}) == 1.0
    assert ndcg_at(ranked, {7}) == pytest.approx(1 / np.log2(4))
    assert ndcg_at(ranked, {9, 8}) == pytest.approx((1 / np.log2(3)) / (1 + 1 / np.log2(3)))


def test_known_products_are_left_out_and_shown_ones_are_counted() -> None:
    earlier = sparse.csr_matrix(np.array([[1, 0, 0], [0, 0, 0], [1, 1, 0]], np.float32))
    later = sparse.csr_matrix(np.array([[0, 1, 0], [1, 0, 0], [0, 0, 1]], np.float32))
    shoppers = choose_shoppers(earlier, later)
    assert shoppers.tolist() == [0, 2]

    scores = np.array([[9.0, 2.0, 1.0], [9.0, 8.0, 1.0]])
    figures = measure_ranking(lambda numbers: scores[[0, 1]], shoppers, earlier, later, nothing)

    assert rank_top(scores).tolist() == [[0, 1, 2], [0, 1, 2]]
    assert figures.recall == 1.0
    assert figures.coverage == 1.0


def test_a_model_that_is_worse_than_popular_products_fails_its_gate() -> None:
    figures = {"factors": {"recall": 0.1}, "popularity": {"recall": 0.2}}

    assert failed_gates(figures) == [
        "its recall@20 is 0.100, below that of popular products, 0.200"
    ]
    assert failed_gates({**figures, "factors": {"recall": 0.2}}) == []


def test_a_model_whose_graph_finds_too_little_fails_its_gate() -> None:
    figures = {"factors": {"recall": 0.2}, "popularity": {"recall": 0.1}, "graph_recall": 0.35}

    assert failed_gates(figures) == ["recall@20 of the graph is 0.350, below 0.7"]
    assert failed_gates({**figures, "graph_recall": 0.9}) == []
    assert failed_gates({**figures, "graph_recall": None}) == []
