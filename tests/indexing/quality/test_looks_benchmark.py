"""The benchmark of looks in several sizes: what variants save."""

import pytest

from indexing.quality.looks_benchmark import measure_looks

pytestmark = [
    pytest.mark.long,  # builds two indexes in databases of their own
    pytest.mark.django_db(transaction=True),
]


def test_variants_save_embeddings_and_places_in_the_graph() -> None:
    apart = measure_looks(50, has_variants=False)
    together = measure_looks(50, has_variants=True)

    assert (together.products, together.embeddings, together.rows) == (50, 50, 50)
    assert (apart.products, apart.embeddings, apart.rows) == (150, 150, 150)
    assert together.encoded == apart.encoded == 50
    assert together.looks_at_20 == 20 > apart.looks_at_20
    assert together.recall_at_20 > 0.95
    assert apart.recall_at_20 > 0.95
