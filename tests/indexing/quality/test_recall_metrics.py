"""Retrieval metrics, worked out by hand."""

import numpy as np
import pytest

from indexing.quality.recall_metrics import measure_agreement, rank_labels, recall_at

EAST, NORTH, WEST = [1.0, 0], [0, 1.0], [-1.0, 0]
NOWHERE = np.array([-1])


def test_the_best_photo_of_each_product_counts() -> None:
    # Given product 5 to the east, product 3 to the north and west, and a query to the north-east.
    gallery, owners = np.array([EAST, NORTH, WEST]), np.array([5, 3, 3])
    query = np.array([[0.8, 0.6]])

    assert rank_labels(query, np.array([5]), gallery, owners, NOWHERE).tolist() == [1]
    assert rank_labels(query, np.array([3]), gallery, owners, NOWHERE).tolist() == [2]


def test_a_photo_does_not_find_itself_if_its_product_has_another() -> None:
    gallery, owners = np.array([EAST, WEST, NORTH]), np.array([5, 5, 3])

    ranks = rank_labels(gallery, owners, gallery, owners, np.arange(3))

    # Then east and west rank below north, and north, the only photo of its product, finds itself.
    assert ranks.tolist() == [2, 2, 1]
    assert recall_at(ranks, 1) == pytest.approx(1 / 3)
    assert recall_at(ranks, 2) == 1


def test_a_label_that_is_not_in_the_gallery_cannot_be_ranked() -> None:
    with pytest.raises(ValueError, match="not in the gallery"):
        rank_labels(np.array([EAST]), np.array([9]), np.array([EAST]), np.array([5]), NOWHERE)


def test_agreement_is_the_share_of_neighbours_in_common() -> None:
    gallery = np.array([EAST, NORTH, WEST, [0, -1.0]])
    first, second = np.array([[0.8, 0.6]]), np.array([[0.8, -0.6]])

    assert measure_agreement(first, first, gallery, NOWHERE, 2) == 1
    assert measure_agreement(first, second, gallery, NOWHERE, 2) == 0.5  # east
    assert measure_agreement(first, second, gallery, np.array([0]), 1) == 0  # north, south
    assert recall_at(np.array([]), 5) == 0


def test_many_queries_are_ranked_in_batches() -> None:
    vectors = np.random.default_rng(0).normal(size=(1200, 16))
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    labels = np.arange(1200)

    assert rank_labels(vectors, labels, vectors, labels, labels).tolist() == [1] * 1200
