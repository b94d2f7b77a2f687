"""A rebuild embeds the most popular products first."""

from typing import Any

import pytest
from django.db import connection

from indexing.models import Chunk, IndexingRun
from indexing.pipeline.rebuild import start_rebuild
from indexing.pipeline.worker import work_on
from tests.indexing.shop import add_product, current_images, photo, rebuild, vectors_of

pytestmark = pytest.mark.usefixtures("empty_shop")


def test_the_most_viewed_products_are_embedded_first(settings: Any) -> None:
    settings.CHUNK_IMAGES = 4
    popularities = [3, 50, 0, 7, 50, 1, 90, 0, 20, 4]
    ids = {add_product(str(n), photo(n), popularity=p).pk: p for n, p in enumerate(popularities)}

    run = rebuild()

    chunks = Chunk.objects.filter(run=run, stage="embed").order_by("ordinal")
    lists = [chunk.payload["products"] for chunk in chunks]
    assert [sorted((ids[pk] for pk in products), reverse=True) for products in lists] == [
        [90, 50, 50, 20],
        [7, 4, 3, 1],
        [0, 0],
    ]
    assert [chunk.size for chunk in chunks] == [4, 4, 2]
    assert vectors_of() == current_images()


def test_a_product_that_becomes_popular_during_a_rebuild_is_embedded(settings: Any) -> None:
    settings.CHUNK_IMAGES = 2
    products = [add_product(str(n), photo(n), popularity=10 - n) for n in range(6)]

    def push(run: IndexingRun) -> None:
        if run.stage == "embed":
            with connection.cursor() as cursor:
                cursor.execute(
                    "UPDATE catalog_product SET popularity = 999 WHERE id = %s", [products[-1].pk]
                )

    run = work_on(start_rebuild(), push)

    assert run.state == "succeeded"
    assert not Chunk.objects.filter(run=run, stage="catch_up").exists()
    assert vectors_of() == current_images()
