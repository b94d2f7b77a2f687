"""Searches run while a generation of another encoder is built and published. None fails,
and none mixes two spaces."""

from collections import Counter

import pytest
from django.db import connection

from catalog.index.live_index import live_generation
from indexing.pipeline.rebuild import start_rebuild
from tests.indexing.histogram_encoder import HistogramEncoder
from tests.indexing.shop import add_products, photo, rebuild, search_by_photo
from tests.support.processes import Processes

pytestmark = pytest.mark.slow  # many searches beside a worker

PHOTOS = 60


def test_searches_during_a_rebuild_and_its_publish(
    processes: Processes, encoders: dict[str, HistogramEncoder], long_run: bool
) -> None:
    searches = 1000 if long_run else 300
    # Given a live index, and a slow worker that builds a generation of another encoder.
    add_products(range(PHOTOS))
    rebuild()
    processes.pause({"embed": 0.3, "publish": 1.0})
    run = start_rebuild("other")
    worker = processes.start("index", "rebuild", "--encoder", "other")

    # When searches run until well after the publication,
    encoders_that_answered: Counter[str] = Counter()
    number = 0
    while number < searches or worker.poll() is None:
        if number == searches // 2:
            processes.pause({})
        answer = search_by_photo(photo(number % PHOTOS))
        best = answer.results[0]
        # then each finds the product of the photo, which vectors of another space would not,
        assert best.product.sku == f"{number % PHOTOS:05}"
        assert best.score > 0.8
        encoders_that_answered[answer.generation.encoder.name] += 1
        number += 1

    # first by the old encoder, then by the new one.
    assert worker.wait(60) == 0, processes.log.read_text()
    run.refresh_from_db()
    assert run.state == "succeeded"
    assert search_by_photo(photo(1)).generation == live_generation() == run.generation
    assert encoders_that_answered["histogram"] > 100
    assert set(encoders_that_answered) <= {"histogram", "other"}
    connection.close()
