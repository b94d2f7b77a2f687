"""The word space: MiniLM embeddings, centred and projected to their principal directions."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F

from indexing.training.starter.learnt_texts import EITHER
from indexing.training.starter.minilm import MiniLM


@dataclass(frozen=True)
class WordSpace:
    """Maps the teacher's embeddings (n, 384) to unit word vectors (n, numbers)."""

    centre: torch.Tensor
    rotation: torch.Tensor

    @classmethod
    def fit(cls, embeddings: torch.Tensor, numbers: int) -> "WordSpace":
        """Fits the mean and the first principal directions of embeddings (n, 384).

        Centring matters, because short texts share one large component without meaning (Mu and
        Viswanath 2018, https://arxiv.org/abs/1702.01417).
        """
        centre = embeddings.mean(0)
        centred = F.normalize(embeddings - centre, dim=-1)
        _, directions = torch.linalg.eigh(centred.T @ centred)
        return cls(centre, directions.flip(1)[:, :numbers].contiguous())

    def project(self, embeddings: torch.Tensor) -> torch.Tensor:
        return F.normalize((embeddings - self.centre) @ self.rotation, dim=-1)


def compute_meanings(
    teacher: MiniLM, meanings: Iterable[str], names: Sequence[str], numbers: int
) -> tuple[WordSpace, dict[str, torch.Tensor]]:
    """Fits the word space to English `names`. Returns it, and the unit vector (numbers) of each
    meaning and each name.

    The vector of "mug | cup" is the normalised sum of both.
    """
    meanings = {*meanings, *names}
    words = sorted({word for meaning in meanings for word in meaning.split(EITHER)})
    embeddings = teacher.embed(words, progress="Meanings")
    index = {word: number for number, word in enumerate(words)}
    space = WordSpace.fit(embeddings[[index[name] for name in names]], numbers)
    vectors = space.project(embeddings)
    return space, {
        meaning: F.normalize(
            vectors[[index[word] for word in meaning.split(EITHER)]].sum(0), dim=-1
        )
        for meaning in sorted(meanings)
    }
