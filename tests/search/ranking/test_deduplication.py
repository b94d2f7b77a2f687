"""Lookalikes shown once, by vectors made by hand."""

import tracemalloc
from datetime import UTC, datetime
from decimal import Decimal

import numpy as np
import pytest

from search.ranking.deduplication import deduplicate, find_group_firsts
from search.ranking.scoring import Ranked
from search.retrieval.candidates import Candidate


def sent(*numbers: float) -> bytes:
    """A halfvec as PostgreSQL sends it: how many numbers, two empty bytes, the numbers."""
    return len(numbers).to_bytes(2) + bytes(2) + np.array(numbers, ">f2").tobytes()


def ranked(
    product_id: int, small: bytes | None, price: str = "10", in_stock: bool = True
) -> Ranked:
    created_at = datetime(2026, 1, 1, tzinfo=UTC)
    it = Candidate(
        product_id, 0.9, 0.0, Decimal(price), created_at, in_stock=in_stock, projected=small
    )
    return Ranked(it, 0.9, {}, {})


EAST, NORTH = sent(1, 0), sent(0, 1)
NEARLY_EAST = sent(0.995, 0.0999)  # a cosine of 0.995 with EAST


def shown(items: list[Ranked]) -> list[tuple[int, int]]:
    return [(item.candidate.product_id, item.duplicates) for item in items]


def test_lookalikes_are_shown_once_as_the_cheapest_in_stock() -> None:
    found = [
        ranked(1, EAST, "30"),
        ranked(2, NORTH),
        ranked(3, NEARLY_EAST, "20"),
        ranked(4, EAST, "5", in_stock=False),
    ]

    folded, before = deduplicate(found, [], 0.99)

    assert shown(folded) == [(3, 2), (2, 0)]
    assert before == []


def test_a_cheaper_one_that_fits_worse_does_not_stand_for_the_group() -> None:
    found = [ranked(1, EAST, "30"), ranked(2, EAST, "20"), ranked(3, EAST, "10")]
    found[1:] = [found[1]._replace(score=0.86), found[2]._replace(score=0.84)]

    assert shown(deduplicate(found, [], 0.99)[0]) == [(2, 2)]


def test_what_is_less_alike_stays_apart() -> None:
    found = [ranked(1, EAST), ranked(2, NEARLY_EAST)]

    assert shown(deduplicate(found, [], 0.999)[0]) == [(1, 0), (2, 0)]


def test_where_all_are_sold_out_the_cheapest_is_shown() -> None:
    found = [ranked(1, EAST, "30", False), ranked(2, EAST, "20", False)]

    assert shown(deduplicate(found, [], 0.99)[0]) == [(2, 1)]


def test_what_was_shown_before_stays_and_counts_those_found_later() -> None:
    earlier = [ranked(1, EAST), ranked(2, NORTH)]
    later = [ranked(3, NORTH, "1"), ranked(4, sent(0.7, -0.7)), ranked(5, NEARLY_EAST)]

    folded, before = deduplicate(later, earlier, 0.99)

    assert shown(before) == [(1, 1), (2, 1)]
    assert shown(folded) == [(4, 0)]


def test_two_shown_before_stay_two_even_if_alike() -> None:
    folded, before = deduplicate([ranked(3, EAST)], [ranked(1, EAST), ranked(2, EAST)], 0.99)

    assert shown(before) == [(1, 1), (2, 0)]
    assert folded == []


def test_alike_is_counted_from_the_first_of_a_group_and_does_not_wander() -> None:
    # Given three, each 25 degrees from the one before: the third is not like the first.
    angles = np.radians([0, 25, 50])
    found = [ranked(n, sent(np.cos(a), np.sin(a))) for n, a in enumerate(angles)]

    assert shown(deduplicate(found, [], 0.9)[0]) == [(0, 1), (2, 0)]


def test_what_has_no_vector_is_like_nothing() -> None:
    found = [ranked(1, None), ranked(2, None), ranked(3, EAST)]

    assert shown(deduplicate(found, [], 0.9)[0]) == [(1, 0), (2, 0), (3, 0)]
    assert deduplicate([], [], 0.9) == ([], [])


def groups_by_all_pairs(looks: np.ndarray, apart: int, likeness: float) -> list[int]:
    """The first of each row's group, by the matrix of all cosines."""
    alike = looks @ looks.T >= likeness
    firsts: list[int] = []
    found = []
    for place in range(len(looks)):
        earlier = [one for one in firsts if alike[place, one]] if place >= apart else []
        found.append(earlier[0] if earlier else place)
        if not earlier:
            firsts.append(place)
    return found


@pytest.mark.parametrize("apart", [0, 1, 700, 2_600])
@pytest.mark.parametrize("kinds", [1, 40, 3_000])
def test_groups_are_those_of_all_pairs(apart: int, kinds: int) -> None:
    # Given more than two blocks, around as many centres, so that groups overlap and cross blocks.
    random = np.random.default_rng(kinds + apart)
    centres = random.standard_normal((kinds, 16))
    looks = centres[random.integers(0, kinds, 2_600)] + 0.25 * random.standard_normal((2_600, 16))
    looks /= np.linalg.norm(looks, axis=1, keepdims=True)
    # In 32ths, so that cosines are exact, however they are summed up; the likeness is none of them.
    looks = (np.round(32 * looks) / 32).astype(np.float32)
    looks[::97] = 0  # without a vector
    likeness = 0.9 + 1 / 4096

    found = find_group_firsts(looks, apart, likeness)

    assert found == groups_by_all_pairs(looks, apart, likeness)
    assert (len(set(found)) < 2_600) == (apart < 2_600)


def test_twenty_thousand_candidates_take_little_memory() -> None:
    random = np.random.default_rng(1)
    looks = random.standard_normal((20_000, 128)).astype(np.float32)
    looks /= np.linalg.norm(looks, axis=1, keepdims=True)
    found = [ranked(number, sent(*look)) for number, look in enumerate(looks)]

    tracemalloc.start()
    try:
        folded, _ = deduplicate(found, [], 0.985)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()

    assert len(folded) == 20_000
    assert peak < 64 * 1024**2  # the cosines of all pairs are 1,526 MB
