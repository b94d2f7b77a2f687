"""The image head: maps 1280 pooled features, raised to a power, to 128 numbers of words and 384 of
looks.

The words are ConSE (Norouzi et al. 2013, https://arxiv.org/abs/1312.5650): the vector of an image
is a mix of the word vectors of the ImageNet classes that it activates, with a threshold in place of
the softmax. They are tuned briefly on the catalogue's titles. The looks are a half-whitened PCA.
Both fit the two-layer GELU `mlp` head of open_clip's TimmModel.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from tqdm import tqdm

from catalog.visual.plain_features import FEATURES

WORD_NUMBERS = 128  # as many as the width of the text tower, which cannot use more
LOOK_NUMBERS = 384
NUMBERS = WORD_NUMBERS + LOOK_NUMBERS
# timm's mlp head has twice as many hidden units as outputs. Each number of looks takes two units.
WORD_UNITS = 2 * NUMBERS - 2 * LOOK_NUMBERS
LOOK_WEIGHT = 2.0
TEMPERATURE = 0.07

# A class is active when its logit is this far above its mean over the catalogue.
_THRESHOLD = 2.5
# With scaled-up inputs, GELU is nearly ReLU, which ConSE needs. Without it, the small negative
# values of hundreds of inactive classes cost two points of recall@5 before tuning.
_SHARPNESS = 4.0
_RIDGE = 0.01  # of the mean variance of the features
_STEPS = 300
_BATCH = 192
_LEARNING_RATE = 1e-3
_ANCHOR = 3.0
_DROPOUT = 0.2


@dataclass(frozen=True)
class Looks:
    """A half-whitened PCA: each component is divided by the square root of its deviation."""

    centre: torch.Tensor
    directions: torch.Tensor

    @classmethod
    def fit(cls, features: torch.Tensor) -> "Looks":
        """Fits the PCA to (n, 1280) features, so that their looks have a mean length of 1.

        Raises ValueError if there are not more images than directions.
        """
        if len(features) <= LOOK_NUMBERS:
            raise ValueError(f"The catalogue must have more than {LOOK_NUMBERS} images.")
        centre = features.mean(0)
        _, scales, axes = torch.linalg.svd(features - centre, full_matrices=False)
        deviations = scales[:LOOK_NUMBERS] / len(features) ** 0.5
        directions = axes[:LOOK_NUMBERS] / deviations.sqrt()[:, None]
        length = ((features - centre) @ directions.T).norm(dim=1).mean()
        return cls(centre, directions / length)


class WordHead(torch.nn.Module):
    """Maps features (n, 1280) to word vectors (n, 128), of a length of about 1 after tuning."""

    def __init__(
        self, logits: torch.Tensor, class_vectors: torch.Tensor, features: torch.Tensor
    ) -> None:
        """Starts as ConSE over the classes that the catalogue activates most. A ridge regression
        gives their logits (n, 1000) by the features (n, 1280) of its images.

        `class_vectors`: word vectors (1000, 128) of the names of the classes.
        """
        super().__init__()
        above = logits - logits.mean(0) - _THRESHOLD
        chosen = above.relu().square().mean(0).topk(WORD_UNITS).indices.sort().values
        self.detect = torch.nn.Linear(FEATURES, WORD_UNITS)
        self.name = torch.nn.Linear(WORD_UNITS, WORD_NUMBERS, bias=False)
        with torch.no_grad():
            weight, bias = fit_linear(features, above[:, chosen] * _SHARPNESS)
            self.detect.weight.copy_(weight)
            self.detect.bias.copy_(bias)
            self.name.weight.copy_(class_vectors[chosen].T)
            self.name.weight.div_(self(features).norm(dim=1).mean())

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        return self.name(F.gelu(self.detect(features)))


def fit_linear(inputs: torch.Tensor, outputs: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Returns the weight (k, d) and the bias (k,) of the ridge regression from inputs (n, d) to
    outputs (n, k)."""
    means = inputs.mean(0), outputs.mean(0)
    centred = inputs - means[0]
    covariance = centred.T @ centred
    covariance.diagonal().add_(_RIDGE * covariance.diagonal().mean())
    weight = torch.linalg.solve(covariance, centred.T @ (outputs - means[1])).T
    return weight, means[1] - weight @ means[0]


def tune_words(
    head: WordHead, features: torch.Tensor, titles: torch.Tensor, owners: Sequence[int], seed: int
) -> None:
    """Trains `head` in place: pulls each image towards the title of its product, and the weights
    towards their start.

    `features`: (images, 1280). `titles`: unit word vectors (products, 128). `owners`: the index of
    each image's product.  Products with the same title count as right for each other.
    """
    torch.manual_seed(seed)
    targets = titles[torch.tensor(owners)]
    start = [parameter.detach().clone() for parameter in head.parameters()]
    optimizer = torch.optim.AdamW(head.parameters(), lr=_LEARNING_RATE, weight_decay=0)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, _STEPS)
    for _ in tqdm(range(_STEPS), desc="Image words"):
        batch = torch.randperm(len(features))[:_BATCH]
        vectors = head(F.dropout(features[batch], _DROPOUT))
        drift = sum(
            ((present - initial) ** 2).sum() / (initial**2).sum()
            for present, initial in zip(head.parameters(), start, strict=True)
        )
        lengths = ((vectors.norm(dim=1) - 1) ** 2).mean()
        loss = contrastive_loss(vectors, targets[batch]) + lengths + _ANCHOR * drift
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()


def contrastive_loss(vectors: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    """Returns CLIP's symmetric loss of vectors (n, d) against unit targets (n, d). Equal targets
    count as right for each other.

    Radford et al. 2021, https://arxiv.org/abs/2103.00020.
    """
    logits = F.normalize(vectors, dim=-1) @ targets.T / TEMPERATURE
    right = (targets @ targets.T > 0.999).float()
    right = right / right.sum(1, keepdim=True)
    return (F.cross_entropy(logits, right) + F.cross_entropy(logits.T, right)) / 2


@torch.no_grad()
def pack_head(words: WordHead, looks: Looks) -> dict[str, torch.Tensor]:
    """Packs both into the state of timm's Mlp. Numbers 0 to 127 are words, 128 to 511 looks."""
    state = {
        "fc1.weight": torch.cat([words.detect.weight, torch.zeros(2 * LOOK_NUMBERS, FEATURES)]),
        "fc1.bias": torch.cat([words.detect.bias, torch.zeros(2 * LOOK_NUMBERS)]),
        "fc2.weight": torch.zeros(NUMBERS, 2 * NUMBERS),
        "fc2.bias": torch.zeros(NUMBERS),
    }
    state["fc2.weight"][:WORD_NUMBERS, :WORD_UNITS] = words.name.weight
    return replace_looks(state, looks)


@torch.no_grad()
def replace_looks(state: dict[str, torch.Tensor], looks: Looks) -> dict[str, torch.Tensor]:
    """Returns the state of timm's Mlp with other looks. They pass the activation unchanged, because
    gelu(x) - gelu(-x) = x."""
    state = {name: value.clone() for name, value in state.items()}
    shift = looks.directions @ looks.centre
    through = LOOK_WEIGHT * torch.eye(LOOK_NUMBERS)
    state["fc1.weight"][WORD_UNITS:] = torch.cat([looks.directions, -looks.directions])
    state["fc1.bias"][WORD_UNITS:] = torch.cat([-shift, shift])
    state["fc2.weight"][WORD_NUMBERS:, :WORD_UNITS] = 0
    state["fc2.weight"][WORD_NUMBERS:, WORD_UNITS:] = torch.cat([through, -through], dim=1)
    return state
