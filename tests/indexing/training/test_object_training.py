"""Which cells answer for which thing, and what they are told."""

import pytest
import torch

from catalog.detection.object_head import cell_centres
from indexing.training.object_training import _owners, object_loss


def test_the_cells_in_the_middle_of_a_thing_answer_for_it() -> None:
    # A grid of 4 x 4 has centres at 1/8, 3/8, 5/8, 7/8; the middle half of the left box spans
    # 0.125 to 0.375 across and 0.25 to 0.75 down.
    truth = torch.tensor([[[0.0, 0.0, 0.5, 1.0], [0.0, 0.0, 0.0, 0.0]]])

    owners = _owners(truth, cell_centres(4, 4)).view(4, 4)

    assert owners.tolist() == [
        [-1, -1, -1, -1],
        [0, 0, -1, -1],
        [0, 0, -1, -1],
        [-1, -1, -1, -1],
    ]


def test_of_two_things_the_smaller_has_the_cell() -> None:
    truth = torch.tensor([[[0.0, 0.0, 1.0, 1.0], [0.25, 0.25, 0.5, 0.5]]])

    owners = _owners(truth, cell_centres(4, 4)).view(4, 4)

    assert owners[1, 1] == 1
    assert owners[2, 2] == 0


def test_a_thing_too_small_for_the_grid_has_the_nearest_cell() -> None:
    truth = torch.tensor([[[0.0, 0.0, 0.02, 0.02]]])

    owners = _owners(truth, cell_centres(4, 4)).view(4, 4)

    assert (owners >= 0).sum() == 1
    assert owners[0, 0] == 0


def test_the_loss_is_nothing_where_all_is_right_and_large_where_it_is_not() -> None:
    truth = torch.tensor([[[0.25, 0.25, 0.75, 0.75]]])
    owners = _owners(truth, cell_centres(4, 4))
    sure = torch.where(owners >= 0, 20.0, -20.0)
    right = truth.expand(1, 16, 4)

    assert object_loss(sure, right, truth, (4, 4)).item() == pytest.approx(0, abs=1e-4)
    assert object_loss(-sure, right, truth, (4, 4)).item() > 10
    assert object_loss(sure, right + 0.3, truth, (4, 4)).item() > 1


def test_a_photo_of_nothing_teaches_to_be_unsure() -> None:
    nothing = torch.zeros(1, 3, 4)
    boxes = torch.rand(1, 16, 4)

    assert object_loss(torch.full((1, 16), -20.0), boxes, nothing, (4, 4)).item() < 1e-6
    assert object_loss(torch.full((1, 16), 2.0), boxes, nothing, (4, 4)).item() > 1
