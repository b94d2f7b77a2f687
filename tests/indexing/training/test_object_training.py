"""The assignment of cells to boxes, and the loss of the object head."""

import math

import pytest
import torch

from catalog.detection.object_head import cell_centres
from indexing.training.objects.object_training import BOX_WEIGHT, assign_cells, object_loss


def test_the_cells_at_the_centre_of_an_object_learn_its_box() -> None:
    # A grid of 4 x 4 has centres at 1/8, 3/8, 5/8, 7/8. The central half of the left box is 0.125
    # to 0.375 across and 0.25 to 0.75 down.
    truth = torch.tensor([[[0.0, 0.0, 0.5, 1.0], [0.0, 0.0, 0.0, 0.0]]])

    owners = assign_cells(truth, cell_centres(4, 4)).view(4, 4)

    assert owners.tolist() == [
        [-1, -1, -1, -1],
        [0, 0, -1, -1],
        [0, 0, -1, -1],
        [-1, -1, -1, -1],
    ]


def test_a_cell_learns_the_smaller_of_two_boxes() -> None:
    truth = torch.tensor([[[0.0, 0.0, 1.0, 1.0], [0.25, 0.25, 0.5, 0.5]]])

    owners = assign_cells(truth, cell_centres(4, 4)).view(4, 4)

    assert owners[1, 1] == 1
    assert owners[2, 2] == 0


def test_the_nearest_cell_learns_a_box_that_is_too_small_for_the_grid() -> None:
    truth = torch.tensor([[[0.0, 0.0, 0.02, 0.02]]])

    owners = assign_cells(truth, cell_centres(4, 4)).view(4, 4)

    assert (owners >= 0).sum() == 1
    assert owners[0, 0] == 0


def test_the_loss_is_zero_for_right_predictions_and_large_for_wrong_ones() -> None:
    truth = torch.tensor([[[0.25, 0.25, 0.75, 0.75]]])
    owners = assign_cells(truth, cell_centres(4, 4))
    sure = torch.where(owners >= 0, 20.0, -20.0)
    right = truth.expand(1, 16, 4)

    assert object_loss(sure, right, truth, (4, 4)).item() == pytest.approx(0, abs=1e-4)
    # Wrong confidence: a cross entropy of 20 in each of 16 cells, for 4 assigned cells.
    assert object_loss(-sure, right, truth, (4, 4)).item() == pytest.approx(16 * 20 / 4)
    # Boxes moved by 0.3: the GIoU is 0.04 / 0.46 - 0.18 / 0.64. The cells are too sure of them.
    giou_loss = 1 - 0.04 / 0.46 + 0.18 / 0.64
    wrong_boxes = object_loss(sure, right + 0.3, truth, (4, 4)).item()
    assert wrong_boxes == pytest.approx(20 + BOX_WEIGHT * giou_loss, rel=1e-4)


def test_without_objects_only_low_confidence_has_no_loss() -> None:
    nothing = torch.zeros(1, 3, 4)
    boxes = torch.rand(1, 16, 4)

    assert object_loss(torch.full((1, 16), -20.0), boxes, nothing, (4, 4)).item() < 1e-6
    confident = object_loss(torch.full((1, 16), 2.0), boxes, nothing, (4, 4)).item()
    # The cross entropy of each cell, log(1 + e²), is weighted by its squared confidence.
    confidence = 1 / (1 + math.exp(-2))
    assert confident == pytest.approx(16 * math.log(1 + math.exp(2)) * confidence**2, rel=1e-4)
