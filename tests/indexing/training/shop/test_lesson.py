"""The parts of a training on the catalogue: how long it is, and what becomes of weights and object
head."""

import pytest
import torch

from indexing.training.network import mix_weights
from indexing.training.objects.object_transfer import imitation_loss
from indexing.training.shop.schedule import count_steps, estimate_minutes


def test_the_steps_grow_with_the_catalogue_up_to_a_limit() -> None:
    assert [count_steps(products) for products in (10, 100, 1000, 1600, 5000)] == [
        *(151, 160, 250),
        *(310, 350),
    ]


def test_two_thousand_products_take_at_most_forty_minutes() -> None:
    assert estimate_minutes(count_steps(1600), photos=4800) <= 40


def test_weights_lie_between_those_before_and_after() -> None:
    before = {"weight": torch.tensor([0.0, 4.0]), "count": torch.tensor(3)}
    after = {"weight": torch.tensor([4.0, 8.0]), "count": torch.tensor(5)}

    mixed = mix_weights(before, after, 0.75)

    assert mixed["weight"].tolist() == [3.0, 7.0]
    assert mixed["count"].item() == 5


def test_an_imitating_head_is_right_where_the_old_one_was_sure() -> None:
    old = torch.tensor([[[0.9, 0.1, 0.1, 0.5, 0.5], [0.0, 0.0, 0.0, 1.0, 1.0]]])
    other_box = old.clone()
    other_box[0, 0, 1:] += 0.2
    unseen_box = old.clone()
    unseen_box[0, 1, 1:] -= 0.2
    other_score = old.clone()
    other_score[0, 0, 0] = 0.2

    same = imitation_loss([old], [old])
    assert imitation_loss([other_box], [old]) > same + 0.1
    assert imitation_loss([unseen_box], [old]).item() == pytest.approx(same.item())
    assert imitation_loss([other_score], [old]) > same + 0.1


def test_an_imitating_head_tells_photos_of_one_object_as_the_old_one_does() -> None:
    cells, sure, unsure = torch.zeros(1, 4, 5), torch.tensor([0.95]), torch.tensor([0.5])

    assert imitation_loss([cells, sure], [cells, sure]) < imitation_loss(
        [cells, unsure], [cells, sure]
    )
