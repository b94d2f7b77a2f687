"""The losses of image training, as pure functions on tensors."""

import torch
import torch.nn.functional as F

LABEL_SMOOTHING = 0.05
IMAGE_TEMPERATURE = 0.05
TEXT_TEMPERATURE = 0.07


def product_loss(
    queries: torch.Tensor, images: torch.Tensor, products: torch.Tensor, bank: torch.Tensor
) -> torch.Tensor:
    """Pulls photos towards the catalogue images of their product, and away from all others.

    `queries` and `images`: unit vectors (n, d) of photos and of catalogue images of the same
    products. `products` (n,): the indexes of the products. `bank`: unit vectors (all products,
    views, d) of the catalogue as last encoded, with `images` in it. From photos to images, InfoNCE
    (van den Oord 2018) over the best view of each product, with the bank as negatives as in XBM
    (Wang 2020). From images to photos, InfoNCE over the batch.
    """
    similarity = torch.einsum("nd,pvd->npv", queries, bank) / IMAGE_TEMPERATURE
    forth = F.cross_entropy(similarity.logsumexp(2), products, label_smoothing=LABEL_SMOOTHING)
    back = images @ queries.T / IMAGE_TEMPERATURE
    same = products[:, None] == products[None, :]
    return forth + 0.5 * _shared_cross_entropy(back, same)


def text_loss(vectors: torch.Tensor, texts: torch.Tensor, right: torch.Tensor) -> torch.Tensor:
    """Pulls images towards their texts, and away from all other texts.

    `vectors`: unit (n, w). `texts`: unit (m, w). `right`: int64 (n,), the index of each image's
    text. The texts are not trained, as the images are not in LiT (Zhai 2022)."""
    return F.cross_entropy(vectors @ texts.T / TEXT_TEMPERATURE, right)


def length_loss(parts: dict[float, torch.Tensor]) -> torch.Tensor:
    """Pulls the lengths of parts of the vectors, (n, k) each, to their keys. So the weights of
    words and looks are set, not learnt."""
    return sum(
        (((part.norm(dim=1) - length) ** 2).mean() for length, part in parts.items()),
        start=torch.zeros(()),
    )


def _shared_cross_entropy(logits: torch.Tensor, right: torch.Tensor) -> torch.Tensor:
    share = right.float() / right.sum(1, keepdim=True)
    return -(share * F.log_softmax(logits, dim=1)).sum(1).mean()
