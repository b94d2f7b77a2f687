"""Groups lookalikes: products whose photos are the same or almost the same. Pure functions."""

from collections.abc import Sequence

import numpy as np

from search.ranking.scoring import Ranked

SCORE_TOLERANCE = 0.05  # by which a lookalike may score less and still be shown for its group
BINARY_HEADER_BYTES = 4  # before the numbers, in pgvector's binary form
BLOCK_ROWS = 1024  # rows compared at once: their matrix of cosines takes 4 MB


def deduplicate(
    ranked: Sequence[Ranked], shown: Sequence[Ranked], threshold: float
) -> tuple[list[Ranked], list[Ranked]]:
    """Removes duplicates from `ranked` and counts them. `shown` are the results of earlier pages.
    Returns the new results and the earlier ones.

    A group of lookalikes takes the rank of its first result. It is shown as the cheapest product in
    stock among those that score nearly as well, and counts the others in `duplicates`. New
    lookalikes of a result in `shown` are only counted there.

    The best photo of each lookalike has a cosine of at least `threshold` with the best photo of the
    first product of its group. Products without a vector are never duplicates."""
    all_results = [*shown, *ranked]
    groups: dict[int, list[Ranked]] = {}
    for first, item in zip(
        find_group_firsts(stack_projected(all_results), len(shown), threshold),
        all_results,
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


def find_group_firsts(vectors: np.ndarray, separate: int, threshold: float) -> list[int]:
    """Returns for each row of `vectors`, unit vectors float32 (n, d), the index of the first row of
    its group.

    A row joins the earliest group whose first row has a cosine of at least `threshold` with it,
    else it starts a group. The first `separate` rows always start groups. Rows are compared in
    blocks, so memory grows with n, not with n²."""
    firsts_of = np.arange(len(vectors))
    firsts = firsts_of[:separate]
    for start in range(separate, len(vectors), BLOCK_ROWS):
        block = vectors[start : start + BLOCK_ROWS]
        own = firsts_of[start : start + len(block)]
        for other in range(0, len(firsts), BLOCK_ROWS):
            earlier = firsts[other : other + BLOCK_ROWS]
            alike = block @ vectors[earlier].T >= threshold
            new = (own >= start) & alike.any(axis=1)
            own[new] = earlier[alike[new].argmax(axis=1)]
        _group_within(block, own, start, threshold)
        firsts = np.concatenate(
            [firsts, start + np.flatnonzero(own == start + np.arange(len(own)))]
        )
    return firsts_of.tolist()


def _group_within(block: np.ndarray, own: np.ndarray, start: int, threshold: float) -> None:
    """Groups the rows of a block that joined no earlier group. Writes to `own`."""
    alike = np.tril(block @ block.T >= threshold, -1)
    for place in np.flatnonzero((own >= start) & alike.any(axis=1)):
        for earlier in np.flatnonzero(alike[place]):
            if own[earlier] == start + earlier:
                own[place] = start + earlier
                break


def _count_duplicates(item: Ranked, group: Sequence[Ranked]) -> Ranked:
    return item._replace(duplicates=item.duplicates + len(group) - 1) if len(group) > 1 else item


def _best_buy(group: Sequence[Ranked]) -> Ranked:
    """Returns the cheapest product in stock, or else the cheapest, among those that score nearly as
    well as the first. Returns the first of several at the same price."""
    fitting = [item for item in group if item.score >= group[0].score - SCORE_TOLERANCE]
    return min(fitting, key=lambda item: (not item.candidate.in_stock, item.candidate.price))


def stack_projected(ranked: Sequence[Ranked]) -> np.ndarray:
    """Returns the projected vectors of the best photos, float32 (n, 128), zeros for a product
    without one."""
    vectors = [item.candidate.projected for item in ranked]
    size = max((len(vector) for vector in vectors if vector), default=BINARY_HEADER_BYTES)
    data = b"".join(vector or bytes(size) for vector in vectors)
    numbers = np.frombuffer(data, ">f2").reshape(len(ranked), size // 2)
    return numbers[:, BINARY_HEADER_BYTES // 2 :].astype(np.float32)
