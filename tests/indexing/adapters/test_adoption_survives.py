"""A worker dies right after it has switched searches to a new encoder, and its run goes on."""

import pytest

from catalog.index.live_index import live_generation, live_index
from catalog.models import Adapter
from tests.indexing.histogram_encoder import HistogramEncoder
from tests.indexing.shop import (
    add_products,
    current_images,
    embedded_images,
    found_skus,
    photo,
    rebuild,
)
from tests.support.processes import Processes

pytestmark = [pytest.mark.slow, pytest.mark.long]  # real processes, a real lease that expires


def test_the_next_worker_repeats_the_adoption_after_a_worker_has_died(
    processes: Processes, encoders: dict[str, HistogramEncoder]
) -> None:
    add_products(range(120))
    rebuild()
    command = ("index", "rebuild", "--encoder", "bent", "--at-once")

    killed = processes.run(*command, TEST_DIES_AFTER="adapt")

    # Then searches use the new encoder, and the next worker repeats the chunk,
    assert killed < 0
    assert live_index().query_encoder.name == "bent"
    assert found_skus(photo(5))[0] == "00005"
    assert processes.run(*command) == 0, processes.log.read_text()
    # which fits another adapter and embeds no photo again.
    assert processes.begun().count("adapt 0") == 2
    assert Adapter.objects.count() == 2
    live = live_generation()
    assert live is not None
    assert (live.encoder.name, live.query_adapter) == ("bent", None)
    assert embedded_images(live.encoder_id) == current_images()
    assert found_skus(photo(5))[0] == "00005"
