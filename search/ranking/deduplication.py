"""Lookalikes: products whose photos are the same or almost, shown once. Pure functions."""

from collections.abc import Sequence

import numpy as np

from search.ranking.scoring import Ranked

SCORE_TOLERANCE = 0.05  # of a score
SENT_HEADER = 4  # bytes before the numbers, in pgvector's binary form
BLOCK = 1024  # products compared at once: a matrix of cosines takes 4 MB


def fold(
    ranked: Sequence[Ranked], shown: Sequence[Ranked], likeness: float
) -> tuple[list[Ranked], list[Ranked]]:
    """(`ranked` with each group of lookalikes in the place of its first, as the cheapest in stock
    of those that fit nearly as well; `shown`, earlier results, which also count those that look
    like one of them).

    Lookalikes are products whose best photos' vectors have a cosine of at least `likeness` with the
    first of their group. Products without a vector are never lookalikes."""
    everything = [*shown, *ranked]
    groups: dict[int, list[Ranked]] = {}
    for first, item in zip(
        group_firsts(looks_of(everything), len(shown), likeness), everything, strict=True
    ):
        groups.setdefault(first, []).append(item)
    before = [_with_more(group[0], group) for place, group in groups.items() if place < len(shown)]
    after = [
        _with_more(_best_buy(group), group)
        for first, group in groups.items()
        if first >= len(shown)
    ]
    return after, before


def group_firsts(looks: np.ndarray, apart: int, likeness: float) -> list[int]:
    """For each row of `looks`, float32 (n, d), the first row of its group: the earliest first of a
    group with a cosine of at least `likeness`, else the row itself. The first `apart` rows are
    groups of their own. Memory grows with n, not with n²: rows are compared in blocks."""
    firsts_of = np.arange(len(looks))
    firsts = firsts_of[:apart]
    for start in range(apart, len(looks), BLOCK):
        block = looks[start : start + BLOCK]
        own = firsts_of[start : start + len(block)]
        for some in range(0, len(firsts), BLOCK):
            earlier = firsts[some : some + BLOCK]
            alike = block @ looks[earlier].T >= likeness
            new = (own >= start) & alike.any(axis=1)
            own[new] = earlier[alike[new].argmax(axis=1)]
        _group_within(block, own, start, likeness)
        firsts = np.concatenate(
            [firsts, start + np.flatnonzero(own == start + np.arange(len(own)))]
        )
    return firsts_of.tolist()


def _group_within(block: np.ndarray, own: np.ndarray, start: int, likeness: float) -> None:
    """Groups the rows of a block that are in no earlier group. Writes to `own`."""
    alike = np.tril(block @ block.T >= likeness, -1)
    for place in np.flatnonzero((own >= start) & alike.any(axis=1)):
        for earlier in np.flatnonzero(alike[place]):
            if own[earlier] == start + earlier:
                own[place] = start + earlier
                break


def _with_more(item: Ranked, group: Sequence[Ranked]) -> Ranked:
    return item._replace(duplicates=item.duplicates + len(group) - 1) if len(group) > 1 else item


def _best_buy(group: Sequence[Ranked]) -> Ranked:
    """Of those that fit nearly as well as the first, the cheapest in stock, else the cheapest; the
    first of two at one price."""
    fitting = [item for item in group if item.score >= group[0].score - SCORE_TOLERANCE]
    return min(fitting, key=lambda item: (not item.candidate.in_stock, item.candidate.price))


def looks_of(ranked: Sequence[Ranked]) -> np.ndarray:
    """The vectors of their best photos, float32 (n, 128); zeros where there is none."""
    sent = [item.candidate.projected for item in ranked]
    size = max((len(one) for one in sent if one), default=SENT_HEADER)
    data = b"".join(one or bytes(size) for one in sent)
    numbers = np.frombuffer(data, ">f2").reshape(len(ranked), size // 2)
    return numbers[:, SENT_HEADER // 2 :].astype(np.float32)
