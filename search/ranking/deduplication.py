"""Shows lookalikes, products whose photos are the same or almost the same, once. Pure functions."""

from collections.abc import Sequence

import numpy as np

from search.ranking.scoring import Ranked

SCORE_TOLERANCE = 0.05  # of a score
BINARY_HEADER_BYTES = 4  # before the numbers, in pgvector's binary form
BLOCK_ROWS = 1024  # rows compared at once: their matrix of cosines takes 4 MB


def deduplicate(
    ranked: Sequence[Ranked], shown: Sequence[Ranked], likeness: float
) -> tuple[list[Ranked], list[Ranked]]:
    """Returns `ranked` and `shown`, the results of earlier pages, without duplicates.

    A group of lookalikes takes the rank of its first result. It is shown as the cheapest product in
    stock among those that score nearly as well, and counts the others in `duplicates`. New
    lookalikes of a result in `shown` are only counted there.

    The best photos of lookalikes have a cosine of at least `likeness` with that of the first
    product of their group. Products without a vector are never duplicates."""
    everything = [*shown, *ranked]
    groups: dict[int, list[Ranked]] = {}
    for first, item in zip(
        find_group_firsts(stack_projected(everything), len(shown), likeness),
        everything,
        strict=True,
    ):
        groups.setdefault(first, []).append(item)
    before = [
        _count_duplicates(group[0], group) for place, group in groups.items() if place < len(shown)
    ]
    after = [
        _count_duplicates(_best_buy(group), group)
        for first, group in groups.items()
        if first >= len(shown)
    ]
    return after, before


def find_group_firsts(vectors: np.ndarray, apart: int, likeness: float) -> list[int]:
    """Returns for each row of `vectors`, unit vectors float32 (n, d), the index of the first row of
    its group.

    A row joins the earliest group whose first row has a cosine of at least `likeness` with it, else
    it starts a group. The first `apart` rows always start groups. Rows are compared in blocks, so
    memory grows with n, not with n²."""
    firsts_of = np.arange(len(vectors))
    firsts = firsts_of[:apart]
    for start in range(apart, len(vectors), BLOCK_ROWS):
        block = vectors[start : start + BLOCK_ROWS]
        own = firsts_of[start : start + len(block)]
        for other in range(0, len(firsts), BLOCK_ROWS):
            earlier = firsts[other : other + BLOCK_ROWS]
            alike = block @ vectors[earlier].T >= likeness
            new = (own >= start) & alike.any(axis=1)
            own[new] = earlier[alike[new].argmax(axis=1)]
        _group_within(block, own, start, likeness)
        firsts = np.concatenate(
            [firsts, start + np.flatnonzero(own == start + np.arange(len(own)))]
        )
    return firsts_of.tolist()


def _group_within(block: np.ndarray, own: np.ndarray, start: int, likeness: float) -> None:
    """Groups the rows of a block that joined no earlier group. Writes to `own`."""
    alike = np.tril(block @ block.T >= likeness, -1)
    for place in np.flatnonzero((own >= start) & alike.any(axis=1)):
        for earlier in np.flatnonzero(alike[place]):
            if own[earlier] == start + earlier:
                own[place] = start + earlier
                break


def _count_duplicates(item: Ranked, group: Sequence[Ranked]) -> Ranked:
    return item._replace(duplicates=item.duplicates + len(group) - 1) if len(group) > 1 else item


def _best_buy(group: Sequence[Ranked]) -> Ranked:
    """The cheapest product in stock, or else the cheapest, among those that score nearly as well as
    the first. Of two at one price it is the first."""
    fitting = [item for item in group if item.score >= group[0].score - SCORE_TOLERANCE]
    return min(fitting, key=lambda item: (not item.candidate.in_stock, item.candidate.price))


def stack_projected(ranked: Sequence[Ranked]) -> np.ndarray:
    """Returns the projected vectors of the best photos, float32 (n, 128), zeros for a product
    without one."""
    sent = [item.candidate.projected for item in ranked]
    size = max((len(one) for one in sent if one), default=BINARY_HEADER_BYTES)
    data = b"".join(one or bytes(size) for one in sent)
    numbers = np.frombuffer(data, ">f2").reshape(len(ranked), size // 2)
    return numbers[:, BINARY_HEADER_BYTES // 2 :].astype(np.float32)
