"""Adapters from one space to another; the numbers are worked out by hand."""

import numpy as np
import pytest

from catalog.visual.adapter import (
    KINDS,
    FittedAdapter,
    adapt,
    fit,
    fit_low_rank,
    fit_orthogonal,
    ridge,
    unpack,
)


def unit(vectors: np.ndarray) -> np.ndarray:
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def cosines(some: np.ndarray, others: np.ndarray) -> np.ndarray:
    return (unit(some) * unit(others)).sum(axis=1)


def random_units(count: int, dimensions: int, seed: int = 0) -> np.ndarray:
    return unit(np.random.default_rng(seed).normal(size=(count, dimensions)))


def test_procrustes_finds_a_quarter_turn() -> None:
    # Given that east is mapped to north, and north to west.
    new, old = np.array([[1.0, 0], [0, 1]]), np.array([[0.0, 1], [-1, 0]])

    (turn,) = fit_orthogonal(new, old).arrays

    assert turn == pytest.approx(np.array([[0, 1], [-1, 0]]), abs=1e-6)


def test_procrustes_averages_two_rotations_to_a_rotation() -> None:
    # Given a vector on each axis, mapped to itself and to itself rotated by 90 degrees.
    new = np.array([[1.0, 0], [1, 0], [0, 1], [0, 1]])
    old = np.array([[1.0, 0], [0, 1], [0, 1], [-1, 0]])

    (turn,) = fit_orthogonal(new, old).arrays

    half = np.sqrt(0.5)  # then it is 45 degrees
    assert turn == pytest.approx(np.array([[half, half], [-half, half]]), abs=1e-6)


def test_procrustes_drops_directions_that_the_smaller_space_lacks() -> None:
    new = np.array([[0.8, 0, 0.6], [0, 0.8, 0.6]])
    old = np.array([[0.0, 1], [1, 0]])

    adapter = fit_orthogonal(new, old)

    assert adapter.shapes == [[3, 2]]
    assert adapt(adapter, new).shape == (2, 2)
    assert adapt(adapter, np.array([[1.0, 0, 0]]))[0].argmax() == 1


def test_ridge_finds_the_line_through_collinear_points() -> None:
    # Given y = 2 x + 1: the smallest penalty is the best.
    line = ridge(np.array([[0.0], [1], [2], [3]]), np.array([[1.0], [3], [5], [7]]))

    assert line.weights == pytest.approx(np.array([[2.0]]), abs=1e-3)
    assert line.shift == pytest.approx(np.array([1.0]), abs=1e-3)
    assert line.residuals == pytest.approx(np.zeros((4, 1)), abs=1e-2)


def test_ridge_residuals_are_those_of_leaving_each_row_out() -> None:
    # Given 0, 0 and 3 at -1, 0 and 1. Without the last point, the line is flat: a residual of 3.
    # Without the first it is 3 x: a residual of 3. Without the middle it passes 1.5.
    line = ridge(np.array([[-1.0], [0], [1]]), np.array([[0.0], [0], [3]]))
    nearly = ridge(np.array([[-1.0], [0], [1]]), np.array([[0.0], [1.5], [3]]))

    assert abs(line.residuals[1, 0]) == pytest.approx(1.5, abs=1e-3)
    assert nearly.residuals == pytest.approx(np.zeros((3, 1)), abs=1e-2)


def test_ridge_chooses_a_penalty_for_uninformative_inputs() -> None:
    random = np.random.default_rng(0)
    inputs, outputs = random.normal(size=(40, 30)), random.normal(size=(40, 5))

    line = ridge(inputs, outputs)

    assert np.abs(line.weights).max() < 0.05
    assert line.shift == pytest.approx(outputs.mean(axis=0), abs=0.1)


def test_low_rank_fits_the_residuals_of_the_rotation() -> None:
    # Given that east and west are scaled by three: no rotation, and residuals in one direction.
    new = np.array([[1.0, 0], [-1, 0], [0, 1], [0, -1]])
    old = new * [3, 1]

    turn, down, up, shift = fit_low_rank(new, old).arrays

    assert turn == pytest.approx(np.eye(2), abs=1e-6)
    assert (down.shape, up.shape) == ((2, 1), (1, 2))
    assert down @ up == pytest.approx(np.array([[2, 0], [0, 0]]), abs=1e-4)
    assert shift == pytest.approx(np.zeros(2), abs=1e-6)
    # Then (1, 1) is mapped to (3, 1) at unit length.
    adapted = adapt(fit_low_rank(new, old), np.array([[1.0, 1]]))
    assert adapted == pytest.approx(np.array([[3, 1]]) / np.sqrt(10), abs=1e-4)


def test_a_small_sample_shrinks_the_map_to_a_rotation() -> None:
    # Given a rotation of 32 dimensions with noise, and no more pairs than dimensions.
    old = random_units(232, 32)
    new = old @ np.linalg.qr(random_units(32, 32, seed=1))[0]
    noisy = unit(old + 0.5 * random_units(232, 32, seed=2))

    adapter = fit("low_rank", new[:32], noisy[:32])
    line = ridge(new[:32], noisy[:32])
    straight = unit(new[32:] @ line.weights + line.shift)

    turned = cosines(adapt(adapter, new[32:]), old[32:]).mean()
    assert turned > cosines(straight, old[32:]).mean() + 0.05


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("dimensions", [24, 16, 12])
def test_every_kind_inverts_a_rotation(kind: str, dimensions: int) -> None:
    old = random_units(400, 12)
    turn = np.linalg.qr(random_units(dimensions, 12, seed=1))[0].T
    new = old @ turn

    adapter = fit(kind, new[:300], old[:300])
    adapted = adapt(adapter, new[300:])

    assert adapted.dtype == np.float32
    assert np.linalg.norm(adapted, axis=1) == pytest.approx(np.ones(100), abs=1e-5)
    assert cosines(adapted, old[300:]).min() > 0.97


def test_a_residual_adapter_fits_a_nonlinear_map() -> None:
    new = random_units(1000, 6)
    old = unit(np.concatenate([new, 2 * np.abs(new)], axis=1))

    gained = [
        cosines(adapt(fit(kind, new[:800], old[:800]), new[800:]), old[800:]).mean()
        for kind in ("low_rank", "residual")
    ]

    assert gained[1] > gained[0] + 0.02


@pytest.mark.parametrize("kind", KINDS)
def test_a_stored_adapter_is_read_unchanged(kind: str) -> None:
    new, old = random_units(50, 8), random_units(50, 6, seed=1)
    fitted = fit(kind, new, old)

    again = unpack(fitted.kind, fitted.data, fitted.shapes)

    assert adapt(again, new) == pytest.approx(adapt(fitted, new))
    assert again.checksum == fitted.checksum == fit(kind, new, old).checksum
    assert fit(kind, old[:, :6], new).checksum != fitted.checksum


def test_invalid_adapter_data_is_refused() -> None:
    turn = FittedAdapter("orthogonal", (np.eye(3, dtype=np.float32),))

    with pytest.raises(ValueError, match="8 numbers are no adapter"):
        unpack("orthogonal", turn.data[:-4], turn.shapes)
    with pytest.raises(ValueError, match="'crooked'"):
        unpack("crooked", turn.data, turn.shapes)
    with pytest.raises(ValueError, match="at least two pairs"):
        fit("orthogonal", np.eye(3)[:1], np.eye(3)[:1])
