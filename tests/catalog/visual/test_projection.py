"""The projection to fewer dimensions; the numbers are worked out by hand."""

import numpy as np
import pytest

from catalog.visual.projection import fit_projection, project


def unit(vectors: np.ndarray) -> np.ndarray:
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def random_vectors(count: int, dimensions: int, seed: int = 0) -> np.ndarray:
    return unit(np.random.default_rng(seed).normal(size=(count, dimensions))).astype(np.float32)


def test_the_axes_with_the_most_energy_are_kept() -> None:
    # Given energies of 9, 4 and 1 along the second, the first and the third axis.
    sample = np.array([[0, 3, 0], [2, 0, 0], [0, 0, 1]], np.float32)

    fitted = fit_projection(sample, 2)

    assert fitted.matrix == pytest.approx(np.array([[0, 1, 0], [1, 0, 0]]), abs=1e-6)
    assert fitted.explained == pytest.approx(13 / 14)


def test_the_projection_does_not_centre_vectors() -> None:
    # Given vectors that all point nearly the same way: that way is the first axis.
    sample = np.array([[1, 0.1], [1, -0.1]], np.float32)

    fitted = fit_projection(sample, 1)

    assert fitted.matrix == pytest.approx(np.array([[1, 0]]), abs=1e-6)
    assert fitted.explained == pytest.approx(2 / 2.02)


def test_projected_vectors_have_unit_length() -> None:
    matrix = np.array([[0, 1, 0], [1, 0, 0]], np.float32)

    small = project(matrix, np.array([[0.6, 0.8, 0.0], [0.0, 0.6, 0.8]]))

    assert small == pytest.approx(np.array([[0.8, 0.6], [1.0, 0.0]]))
    assert small.dtype == np.float32


def test_a_vector_orthogonal_to_all_axes_is_no_error() -> None:
    matrix = np.array([[1, 0, 0]], np.float32)

    assert project(matrix, np.array([[0.0, 0.0, 1.0]])) == pytest.approx(np.array([[0.0]]))


def test_the_same_sample_gives_the_same_projection_in_any_order() -> None:
    sample = random_vectors(300, 16)

    first, again = fit_projection(sample, 8), fit_projection(sample.copy(), 8)
    shuffled = fit_projection(sample[::-1], 8)

    assert first.checksum == again.checksum
    assert shuffled.matrix == pytest.approx(first.matrix, abs=1e-5)
    assert fit_projection(random_vectors(300, 16, seed=1), 8).checksum != first.checksum


def test_the_direction_of_an_axis_does_not_depend_on_the_sign_of_the_sample() -> None:
    sample = random_vectors(100, 12)

    fitted, negated = fit_projection(sample, 5), fit_projection(-sample, 5)

    assert negated.matrix == pytest.approx(fitted.matrix, abs=1e-6)
    largest = np.abs(fitted.matrix).argmax(axis=1)
    assert (fitted.matrix[np.arange(5), largest] > 0).all()


def test_inner_products_are_kept_where_the_sample_lies_in_a_small_space() -> None:
    # Given vectors of 64 numbers that lie in a space of 8.
    basis, _ = np.linalg.qr(np.random.default_rng(3).normal(size=(64, 8)))
    sample = unit(np.random.default_rng(4).normal(size=(200, 8)) @ basis.T).astype(np.float32)

    fitted = fit_projection(sample, 8)
    small = project(fitted.matrix, sample)

    assert small @ small.T == pytest.approx(sample @ sample.T, abs=1e-5)
    assert fitted.explained == pytest.approx(1.0)


def test_the_axes_are_at_right_angles() -> None:
    matrix = fit_projection(random_vectors(500, 32), 20).matrix

    assert matrix @ matrix.T == pytest.approx(np.eye(20), abs=1e-5)


def test_more_dimensions_keep_more() -> None:
    sample = random_vectors(500, 32)

    kept = [fit_projection(sample, dimensions).explained for dimensions in (1, 8, 16, 32)]

    assert kept == sorted(kept)
    assert kept[-1] == pytest.approx(1.0)


def test_missing_dimensions_are_filled_with_zeros() -> None:
    sample = random_vectors(50, 6)

    fitted = fit_projection(sample, 10)
    small = project(fitted.matrix, sample)

    assert fitted.matrix.shape == (10, 6)
    assert not fitted.matrix[6:].any()
    assert small @ small.T == pytest.approx(sample @ sample.T, abs=1e-5)


def test_fitting_needs_at_least_one_vector() -> None:
    alone = np.array([[0.6, 0.8]], np.float32)

    assert project(fit_projection(alone, 2).matrix, alone)[0, 0] == pytest.approx(1.0)
    for nothing in (np.empty((0, 4)), np.zeros(4)):
        with pytest.raises(ValueError, match="at least one vector"):
            fit_projection(nothing, 2)
