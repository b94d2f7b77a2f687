"""The space of words: MiniLM embeddings, centred and turned to their main directions."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F

from indexing.training.starter.learnt_texts import EITHER
from indexing.training.starter.minilm import MiniLM


@dataclass(frozen=True)
class WordSpace:
    """Maps a teacher's embeddings (n, 384) to unit-length word vectors (n, numbers)."""

    centre: torch.Tensor
    rotation: torch.Tensor

    @classmethod
    def fit(cls, embeddings: torch.Tensor, numbers: int) -> "WordSpace":
        """Mean and first principal directions of (n, 384) embeddings.

        Centring matters: short texts share one large component that means nothing
        (Mu and Viswanath 2018, https://arxiv.org/abs/1702.01417).
        """
        centre = embeddings.mean(0)
        centred = F.normalize(embeddings - centre, dim=-1)
        _, directions = torch.linalg.eigh(centred.T @ centred)
        return cls(centre, directions.flip(1)[:, :numbers].contiguous())

    def vectors(self, embeddings: torch.Tensor) -> torch.Tensor:
        return F.normalize((embeddings - self.centre) @ self.rotation, dim=-1)


def meaning_vectors(
    teacher: MiniLM, meanings: Iterable[str], names: Sequence[str], numbers: int
) -> tuple[WordSpace, dict[str, torch.Tensor]]:
    """The space fitted to English `names`, and the unit vector (numbers) of every meaning in it.

    The vector of "mug | cup" is the normalised sum of both.  `names` get their vectors too.
    """
    meanings = {*meanings, *names}
    words = sorted({word for meaning in meanings for word in meaning.split(EITHER)})
    embeddings = teacher.embed(words, progress="Meanings")
    place = {word: number for number, word in enumerate(words)}
    space = WordSpace.fit(embeddings[[place[name] for name in names]], numbers)
    vectors = space.vectors(embeddings)
    return space, {
        meaning: F.normalize(
            vectors[[place[word] for word in meaning.split(EITHER)]].sum(0), dim=-1
        )
        for meaning in sorted(meanings)
    }
