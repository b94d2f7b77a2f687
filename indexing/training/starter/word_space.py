"""The space of words: MiniLM embeddings, centred and turned to their main directions."""

from dataclasses import dataclass

import torch
import torch.nn.functional as F


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
