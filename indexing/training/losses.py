"""The losses of image training, as pure functions on tensors."""

from collections.abc import Sequence

import torch
import torch.nn.functional as F

LABEL_SMOOTHING = 0.05
IMAGE_TEMPERATURE = 0.05
TEXT_TEMPERATURE = 0.07
NO_TEXT = -100  # label of an image without a text


def product_loss(
    queries: torch.Tensor,
    images: torch.Tensor,
    products: torch.Tensor,
    bank: torch.Tensor,
    is_left_out: torch.Tensor | None = None,
) -> torch.Tensor:
    """Pulls photos towards the catalogue images of their product, and away from all others.

    `queries` and `images`: unit vectors (n, d) of photos and of catalogue images of the same
    products. `products` (n,): the indexes of the products. `bank`: unit vectors (all products,
    views, d) of the catalogue as last encoded, including `images`. `is_left_out`: bool (n, views),
    the views of its own product by which a photo must not be found. From photos to images, InfoNCE
    (van den Oord 2018) over the best view of each product, with the bank as negatives as in XBM
    (Wang 2020). From images to photos, InfoNCE over the batch.
    """
    similarity = torch.einsum("nd,pvd->npv", queries, bank) / IMAGE_TEMPERATURE
    if is_left_out is not None:
        rows = torch.arange(len(products), device=products.device)
        own = similarity[rows, products].masked_fill(is_left_out, -torch.inf)
        similarity = similarity.index_put((rows, products), own)
    photos_to_images = F.cross_entropy(
        similarity.logsumexp(2), products, label_smoothing=LABEL_SMOOTHING
    )
    same_product = products[:, None] == products[None, :]
    images_to_photos = _shared_cross_entropy(images @ queries.T / IMAGE_TEMPERATURE, same_product)
    return photos_to_images + 0.5 * images_to_photos


def text_loss(vectors: torch.Tensor, texts: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    """Pulls images towards their texts, and away from all other texts.

    `vectors`: unit (n, w). `texts`: unit (m, w). `labels`: int64 (n,), the index of each image's
    text, or NO_TEXT. Only the images are trained, whereas LiT trains only the texts (Zhai 2022)."""
    logits = vectors @ texts.T / TEXT_TEMPERATURE
    total = F.cross_entropy(logits, labels, ignore_index=NO_TEXT, reduction="sum")
    return total / max(1, int((labels != NO_TEXT).sum()))


def length_loss(parts: Sequence[tuple[float, torch.Tensor]]) -> torch.Tensor:
    """Pulls the lengths of parts of the vectors, (n, k) each, to the numbers beside them. This
    fixes the weights of words and looks, which would otherwise be learnt."""
    return sum(
        (((part.norm(dim=1) - length) ** 2).mean() for length, part in parts),
        start=torch.zeros(()),
    )


def _shared_cross_entropy(logits: torch.Tensor, right: torch.Tensor) -> torch.Tensor:
    """Returns the cross entropy with equal shares for all columns that are `right`, bool (n, m)."""
    share = right.float() / right.sum(1, keepdim=True)
    return -(share * F.log_softmax(logits, dim=1)).sum(1).mean()
