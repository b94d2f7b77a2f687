"""Deduplication, on vectors made by hand."""

import tracemalloc
from datetime import UTC, datetime
from decimal import Decimal

import numpy as np
import pytest

from search.ranking.deduplication import deduplicate, find_group_firsts
from search.ranking.scoring import Ranked
from search.retrieval.candidates import Candidate


def encode_halfvec(*numbers: float) -> bytes:
    """Returns a halfvec in PostgreSQL's binary form: the dimensions, two zero bytes and the
    numbers."""
    return len(numbers).to_bytes(2) + bytes(2) + np.array(numbers, ">f2").tobytes()


def ranked(
    product_id: int, projected: bytes | None, price: str = "10", in_stock: bool = True
) -> Ranked:
    created_at = datetime(2026, 1, 1, tzinfo=UTC)
    candidate = Candidate(
        product_id, 0.9, 0.0, Decimal(price), created_at, in_stock=in_stock, projected=projected
    )
    return Ranked(candidate, 0.9, {}, {})


EAST, NORTH = encode_halfvec(1, 0), encode_halfvec(0, 1)
NEARLY_EAST = encode_halfvec(0.995, 0.0999)  # a cosine of 0.995 with EAST


def ids_and_counts(items: list[Ranked]) -> list[tuple[int, int]]:
    return [(item.candidate.product_id, item.duplicates) for item in items]


def test_lookalikes_are_shown_once_as_the_cheapest_in_stock() -> None:
    found = [
        ranked(1, EAST, "30"),
        ranked(2, NORTH),
        ranked(3, NEARLY_EAST, "20"),
        ranked(4, EAST, "5", in_stock=False),
    ]

    results, before = deduplicate(found, [], 0.99)

    assert ids_and_counts(results) == [(3, 2), (2, 0)]
    assert before == []


def test_a_cheaper_product_that_fits_worse_does_not_represent_the_group() -> None:
    found = [ranked(1, EAST, "30"), ranked(2, EAST, "20"), ranked(3, EAST, "10")]
    found[1:] = [found[1]._replace(score=0.86), found[2]._replace(score=0.84)]

    assert ids_and_counts(deduplicate(found, [], 0.99)[0]) == [(2, 2)]


def test_products_below_the_threshold_are_not_grouped() -> None:
    found = [ranked(1, EAST), ranked(2, NEARLY_EAST)]

    assert ids_and_counts(deduplicate(found, [], 0.999)[0]) == [(1, 0), (2, 0)]


def test_the_cheapest_is_shown_if_all_are_sold_out() -> None:
    found = [ranked(1, EAST, "30", False), ranked(2, EAST, "20", False)]

    assert ids_and_counts(deduplicate(found, [], 0.99)[0]) == [(2, 1)]


def test_results_of_earlier_pages_stay_and_count_later_lookalikes() -> None:
    earlier = [ranked(1, EAST), ranked(2, NORTH)]
    later = [ranked(3, NORTH, "1"), ranked(4, encode_halfvec(0.7, -0.7)), ranked(5, NEARLY_EAST)]

    results, before = deduplicate(later, earlier, 0.99)

    assert ids_and_counts(before) == [(1, 1), (2, 1)]
    assert ids_and_counts(results) == [(4, 0)]


def test_lookalikes_on_earlier_pages_both_stay() -> None:
    results, before = deduplicate([ranked(3, EAST)], [ranked(1, EAST), ranked(2, EAST)], 0.99)

    assert ids_and_counts(before) == [(1, 1), (2, 0)]
    assert results == []


def test_a_group_is_measured_from_its_first_product() -> None:
    # Given three vectors, each 25 degrees from the previous one: only neighbours are similar.
    angles = np.radians([0, 25, 50])
    found = [ranked(n, encode_halfvec(np.cos(a), np.sin(a))) for n, a in enumerate(angles)]

    assert ids_and_counts(deduplicate(found, [], 0.9)[0]) == [(0, 1), (2, 0)]


def test_products_without_a_vector_are_never_duplicates() -> None:
    found = [ranked(1, None), ranked(2, None), ranked(3, EAST)]

    assert ids_and_counts(deduplicate(found, [], 0.9)[0]) == [(1, 0), (2, 0), (3, 0)]
    assert deduplicate([], [], 0.9) == ([], [])


def find_groups_by_all_pairs(vectors: np.ndarray, separate: int, threshold: float) -> list[int]:
    """Returns the first row of each row's group, by the matrix of all cosines."""
    alike = vectors @ vectors.T >= threshold
    firsts: list[int] = []
    found = []
    for place in range(len(vectors)):
        earlier = [first for first in firsts if alike[place, first]] if place >= separate else []
        found.append(earlier[0] if earlier else place)
        if not earlier:
            firsts.append(place)
    return found


@pytest.mark.parametrize("separate", [0, 1, 700, 2_600])
@pytest.mark.parametrize("kinds", [1, 40, 3_000])
def test_groups_equal_those_of_the_matrix_of_all_pairs(separate: int, kinds: int) -> None:
    # Given rows of more than two blocks around `kinds` centres: groups overlap and cross blocks.
    random = np.random.default_rng(kinds + separate)
    centres = random.standard_normal((kinds, 16))
    vectors = centres[random.integers(0, kinds, 2_600)] + 0.25 * random.standard_normal((2_600, 16))
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    # In 32ths, so that cosines are exact in any order of summation. None equals the threshold.
    vectors = (np.round(32 * vectors) / 32).astype(np.float32)
    vectors[::97] = 0  # without a vector
    threshold = 0.9 + 1 / 4096

    found = find_group_firsts(vectors, separate, threshold)

    assert found == find_groups_by_all_pairs(vectors, separate, threshold)
    assert (len(set(found)) < 2_600) == (separate < 2_600)


def test_twenty_thousand_candidates_take_little_memory() -> None:
    random = np.random.default_rng(1)
    vectors = random.standard_normal((20_000, 128)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    found = [ranked(number, encode_halfvec(*look)) for number, look in enumerate(vectors)]

    tracemalloc.start()
    try:
        results, _ = deduplicate(found, [], 0.985)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()

    assert len(results) == 20_000
    assert peak < 64 * 1024**2  # the cosines of all pairs are 1,526 MB
