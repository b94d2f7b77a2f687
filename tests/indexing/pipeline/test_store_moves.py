"""A shop moves its graph to Qdrant and back: nothing is encoded again, no search fails, and no
write is lost."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.test.utils import override_settings

from catalog.index.live_index import IndexNotReady, live_generation
from catalog.index.vector_store import vector_store
from indexing.generations import publishing
from indexing.vectors.verification import verify_generations
from search.retrieval import candidates
from tests.indexing.histogram_encoder import HistogramEncoder
from tests.indexing.shop import add_product, add_products, found_skus, photo, rebuild, refresh

pytestmark = pytest.mark.usefixtures("empty_shop")

Qdrant = Callable[[], AbstractContextManager[None]]


@pytest.fixture
def qdrant(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Qdrant:
    """Lets the code run with Qdrant. Searches use the graph even in this small shop."""
    monkeypatch.setattr(candidates, "GRAPH_COST", 0.0)
    return lambda: override_settings(VECTOR_STORE="qdrant", QDRANT_URL=f"edge:{tmp_path}")


def test_a_shop_moves_to_qdrant_and_back(
    qdrant: Qdrant, encoder: HistogramEncoder, capsys: Any
) -> None:
    add_products(range(12))
    rebuild()
    before = found_skus(photo(3))

    # When Qdrant is filled, it answers as PostgreSQL does,
    with qdrant():
        encoded = encoder.encoded
        call_command("index", "verify")
        assert encoder.encoded == encoded
        assert "12 photos compared; 12 were missing" in capsys.readouterr().out
        assert found_skus(photo(3)) == before
        # and a refresh writes to both.
        add_product("new", photo("red"))
        refresh()
        assert found_skus(photo("red"))[0] == "new"
        call_command("index", "verify")
        assert "13 photos compared; 0 were missing, 0 changed, 0 extra" in capsys.readouterr().out

    # When the shop moves back, nothing is missing; nor when it moves again after other writes.
    assert found_skus(photo("red"))[0] == "new"
    add_product("newer", photo("blue"))
    refresh()
    with qdrant():
        refresh()
        assert found_skus(photo("blue"))[0] == "newer"
        assert all(verified.was_equal for verified in verify_generations())


def test_a_rebuild_is_published_and_rolled_back_in_qdrant(
    qdrant: Qdrant, encoder: HistogramEncoder
) -> None:
    add_products(range(8))
    rebuild()
    first = rebuild().generation

    with qdrant():
        # Both generations were built in PostgreSQL, so Qdrant has neither.
        with pytest.raises(IndexNotReady, match="run 'index verify'"):
            found_skus(photo(5))
        with pytest.raises(publishing.PublishingError, match="no valid graph"):
            publishing.roll_back()
        assert [verified.repair.missing for verified in verify_generations()] == [8, 8]

        second = rebuild().generation
        assert live_generation() == second
        assert found_skus(photo(5))[0] == "00005"
        assert publishing.roll_back() == first
        publishing.drop_generation(second)
        assert not vector_store().graph_is_valid(second)
        assert found_skus(photo(5))[0] == "00005"
