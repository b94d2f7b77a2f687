"""What training makes small. Pure functions on torch tensors."""

import torch
import torch.nn.functional as F

SMOOTHING = 0.05
IMAGE_TEMPERATURE = 0.05
TEXT_TEMPERATURE = 0.07


def product_loss(
    queries: torch.Tensor, images: torch.Tensor, products: torch.Tensor, bank: torch.Tensor
) -> torch.Tensor:
    """Draws photos to the catalogue images of their product, away from all others.

    `queries`, `images`: unit (n, d), photo and catalogue image of the same product; `products`
    (n,): which; `bank`: unit (all products, views, d), the catalogue as it was last seen, with
    `images` in their places. InfoNCE (van den Oord 2018) over the best view of each product, with
    the memory of XBM (Wang 2020) as negatives, and over the batch the other way round.
    """
    similarity = torch.einsum("nd,pvd->npv", queries, bank) / IMAGE_TEMPERATURE
    forth = F.cross_entropy(similarity.logsumexp(2), products, label_smoothing=SMOOTHING)
    back = images @ queries.T / IMAGE_TEMPERATURE
    same = products[:, None] == products[None, :]
    return forth + 0.5 * _shared_cross_entropy(back, same)


def text_loss(vectors: torch.Tensor, texts: torch.Tensor, right: torch.Tensor) -> torch.Tensor:
    """Draws images to what their texts mean, away from all other meanings. `vectors`: unit (n, w);
    `texts`: unit (m, w); `right`: int64 (n,), which of them fits. The texts stay where they are
    (locked text, the mirror image of LiT, Zhai 2022)."""
    return F.cross_entropy(vectors @ texts.T / TEXT_TEMPERATURE, right)


def length_loss(parts: dict[float, torch.Tensor]) -> torch.Tensor:
    """Keeps parts of the vectors, (n, k) each, at the lengths that are their keys: how much words
    and looks weigh against each other is set, not learnt."""
    return sum(
        (((part.norm(dim=1) - length) ** 2).mean() for length, part in parts.items()),
        start=torch.zeros(()),
    )


def _shared_cross_entropy(logits: torch.Tensor, right: torch.Tensor) -> torch.Tensor:
    share = right.float() / right.sum(1, keepdim=True)
    return -(share * F.log_softmax(logits, dim=1)).sum(1).mean()
