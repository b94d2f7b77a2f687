"""Lookalikes: products whose photos are the same or almost, shown once. Pure functions."""

from collections.abc import Sequence

import numpy as np

from search.ranking import Ranked

NEARLY = 0.05  # of a score
SENT_HEADER = 4  # bytes before the numbers, in pgvector's binary form


def fold(
    ranked: Sequence[Ranked], shown: Sequence[Ranked], likeness: float
) -> tuple[list[Ranked], list[Ranked]]:
    """(`ranked` with each group of lookalikes in the place of its first, as the cheapest in stock
    of those that fit nearly as well; `shown`, earlier results, which also count those that look
    like one of them).

    Lookalikes are products whose best photos' vectors have a cosine of at least `likeness` with the
    first of their group; what has no vector is like nothing."""
    everything = [*shown, *ranked]
    looks = _looks(everything)
    alike = np.tril(looks @ looks.T >= likeness, -1)
    repeats = alike.any(axis=1)
    if not repeats.any():
        return list(ranked), list(shown)
    groups: dict[int, list[Ranked]] = {}
    for place, item in enumerate(everything):
        firsts = np.flatnonzero(alike[place]) if place >= len(shown) and repeats[place] else ()
        first = next((int(one) for one in firsts if int(one) in groups), place)
        groups.setdefault(first, []).append(item)
    before = [_with_more(group[0], group) for place, group in groups.items() if place < len(shown)]
    after = [
        _with_more(_best_buy(group), group)
        for first, group in groups.items()
        if first >= len(shown)
    ]
    return after, before


def _with_more(item: Ranked, group: Sequence[Ranked]) -> Ranked:
    return item._replace(duplicates=item.duplicates + len(group) - 1) if len(group) > 1 else item


def _best_buy(group: Sequence[Ranked]) -> Ranked:
    """Of those that fit nearly as well as the first, the cheapest in stock, else the cheapest; the
    first of two at one price."""
    fitting = [item for item in group if item.score >= group[0].score - NEARLY]
    return min(fitting, key=lambda item: (not item.candidate.in_stock, item.candidate.price))


def _looks(ranked: Sequence[Ranked]) -> np.ndarray:
    """float32 (n, 128); zeros where there is no vector."""
    sent = [item.candidate.small for item in ranked]
    size = max((len(one) for one in sent if one), default=SENT_HEADER)
    data = b"".join(one or bytes(size) for one in sent)
    numbers = np.frombuffer(data, ">f2").reshape(len(ranked), size // 2)
    return numbers[:, SENT_HEADER // 2 :].astype(np.float32)
