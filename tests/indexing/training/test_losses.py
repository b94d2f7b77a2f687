"""Losses, worked out by hand."""

import math

import pytest
import torch

from indexing.training.losses import (
    IMAGE_TEMPERATURE,
    LABEL_SMOOTHING,
    NO_TEXT,
    TEXT_TEMPERATURE,
    length_loss,
    product_loss,
    text_loss,
)


def test_product_loss_of_photos_that_match_perfectly() -> None:
    # Given two products with one view each, at right angles. Each photo equals its catalogue image.
    vectors = torch.eye(2)
    products = torch.tensor([0, 1])
    bank = vectors[:, None, :]

    loss = product_loss(vectors, vectors, products, bank)

    # Softmax over (1, 0) / temperature: the wrong product has p = e^-20 / (1 + e^-20).
    gap = 1 / IMAGE_TEMPERATURE
    right = math.log(1 + math.exp(-gap))
    smooth = right + LABEL_SMOOTHING / 2 * gap  # half of the smoothing is on the wrong product
    assert loss.item() == pytest.approx(smooth + 0.5 * right, rel=1e-4)


def test_product_loss_takes_the_best_view() -> None:
    query = torch.tensor([[1.0, 0.0]])
    other_view_far = torch.tensor([[[1.0, 0.0], [-1.0, 0.0]], [[0.0, 1.0], [0.0, 1.0]]])
    both_views_far = torch.tensor([[[0.0, -1.0], [-1.0, 0.0]], [[0.0, 1.0], [0.0, 1.0]]])
    product = torch.tensor([0])

    near = product_loss(query, query, product, other_view_far)
    far = product_loss(query, query, product, both_views_far)

    # With the best view, the products score 1 / temperature and log 2, without it 0 and log 2.
    gap = 1 / IMAGE_TEMPERATURE - math.log(2)
    assert near.item() == pytest.approx(LABEL_SMOOTHING / 2 * gap, rel=1e-4)
    wrong = LABEL_SMOOTHING / 2
    assert far.item() == pytest.approx((1 - wrong) * math.log(3) + wrong * math.log(1.5), rel=1e-4)


def test_a_photo_is_not_found_by_the_view_that_it_is() -> None:
    # Given a photo that is the first view of its product. The second view is at right angles.
    query, product = torch.tensor([[1.0, 0.0]]), torch.tensor([0])
    bank = torch.tensor([[[1.0, 0.0], [0.0, 1.0]], [[0.0, 1.0], [0.0, 1.0]]])

    loss = product_loss(query, query, product, bank, torch.tensor([[True, False]]))

    # The own product scores 0 by one view, the other one 0 by two views: log 3 and log 1.5.
    wrong = LABEL_SMOOTHING / 2
    expected = (1 - wrong) * math.log(3) + wrong * math.log(1.5)
    assert loss.item() == pytest.approx(expected, rel=1e-4)


def test_two_photos_of_one_product_are_not_each_others_negatives() -> None:
    same = torch.tensor([[1.0, 0.0], [1.0, 0.0]])
    bank = torch.tensor([[[1.0, 0.0]], [[0.0, 1.0]]])

    loss = product_loss(same, same, torch.tensor([0, 0]), bank)

    # From images to photos, two photos are equally right for each image: log 2.
    to_images = product_loss(same[:1], same[:1], torch.tensor([0]), bank)
    assert loss.item() == pytest.approx(to_images.item() + 0.5 * math.log(2), rel=1e-4)


def test_text_loss_by_hand() -> None:
    image = torch.tensor([[1.0, 0.0]])
    texts = torch.tensor([[0.6, 0.8], [0.0, 1.0]])

    loss = text_loss(image, texts, torch.tensor([0]))

    assert loss.item() == pytest.approx(math.log(1 + math.exp(-0.6 / TEXT_TEMPERATURE)), rel=1e-4)


def test_an_image_without_a_text_has_no_text_loss() -> None:
    images = torch.tensor([[1.0, 0.0], [0.0, 1.0]])
    texts = torch.tensor([[0.6, 0.8], [0.0, 1.0]])

    both = text_loss(images, texts, torch.tensor([0, NO_TEXT]))
    none = text_loss(images, texts, torch.tensor([NO_TEXT, NO_TEXT]))

    assert both.item() == pytest.approx(text_loss(images[:1], texts, torch.tensor([0])).item())
    assert none.item() == 0


def test_length_loss_by_hand() -> None:
    words, looks = torch.tensor([[0.0, 2.0]]), torch.tensor([[3.0, 4.0]])

    assert length_loss([(1.0, words), (1.5, looks)]).item() == pytest.approx(1 + 3.5**2)
