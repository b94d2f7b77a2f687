"""Generations go live one at a time, are measured first, and can be rolled back."""

import threading
from typing import Any

import pytest
from django.db import connection, transaction

from catalog.index.live_index import live_generation
from catalog.index.vector_store import vector_store
from catalog.models import Generation, Product, ProductChange
from indexing.embedding.views import VIEWS
from indexing.generations import publishing
from tests.indexing.histogram_encoder import HistogramEncoder
from tests.indexing.shop import (
    add_product,
    add_products,
    current_images,
    found_skus,
    photo,
    rebuild,
    refresh,
    replace_photo,
    table_exists,
    vectors_of,
)


@pytest.mark.usefixtures("empty_shop")
def test_searches_are_answered_after_each_publication_and_roll_back(
    encoder: HistogramEncoder,
) -> None:
    add_product("red", photo("red"))
    add_product("blue", photo("blue"))
    first = rebuild().generation
    second = rebuild("other").generation
    assert first is not None
    assert second is not None
    assert live_generation() == second
    assert found_skus(photo("red"))[0] == "red"

    assert publishing.roll_back() == first
    assert found_skus(photo("blue"))[0] == "blue"

    assert publishing.publish_generation(second) == second
    assert found_skus(photo("red"))[0] == "red"
    states = dict(Generation.objects.values_list("pk", "state"))
    assert states == {first.pk: "retired", second.pk: "live"}


@pytest.mark.usefixtures("empty_shop")
def test_the_first_generation_cannot_be_rolled_back() -> None:
    add_product("a", photo(1))
    rebuild()

    with pytest.raises(publishing.PublishingError, match="no earlier generation"):
        publishing.roll_back()


@pytest.mark.usefixtures("empty_shop")
def test_a_generation_published_late_catches_up_with_the_changes() -> None:
    product = add_product("a", photo("red"))
    rebuild()
    built = rebuild(publish=False).generation
    assert built is not None
    replace_photo(product.images.get(), photo("blue"))
    add_product("b", photo("lime"))
    refresh()  # into the live one

    publishing.publish_generation(built)
    assert ProductChange.objects.count() == 2
    refresh()

    assert vectors_of(built) == current_images()
    assert found_skus(photo("blue"))[0] == "a"


@pytest.mark.usefixtures("empty_shop")
def test_embeddings_are_reused_and_old_generations_dropped(
    encoder: HistogramEncoder, settings: Any
) -> None:
    settings.KEPT_GENERATIONS = 1
    add_products(range(20))
    generations = []
    for _ in range(3):
        generations.append(rebuild().generation)

    assert encoder.encoded == 20 * VIEWS
    states = [Generation.objects.get(pk=g.pk).state for g in generations if g]
    assert states == ["dropped", "retired", "live"]
    assert [table_exists(g) for g in generations if g] == [False, True, True]


@pytest.mark.usefixtures("committed_shop")
def test_an_edit_that_commits_while_a_generation_is_published_is_not_lost() -> None:
    # Given a built generation, and an edit that another connection has made but not committed.
    product = add_product("a", photo("red"))
    rebuild()
    built = rebuild(publish=False).generation
    assert built is not None
    Product.objects.filter(pk=product.pk).update(title="First edit")
    edited, may_commit = threading.Event(), threading.Event()

    def edit() -> None:
        try:
            with transaction.atomic():
                Product.objects.filter(pk=product.pk).update(title="Second edit")
                edited.set()
                may_commit.wait(10)
        finally:
            connection.close()

    editor = threading.Thread(target=edit)
    editor.start()
    edited.wait(10)
    threading.Timer(0.5, may_commit.set).start()

    publishing.publish_generation(built)  # waits for the row that the edit holds
    editor.join()

    assert ProductChange.objects.get().product_id == product.pk


@pytest.mark.usefixtures("committed_shop")
def test_a_graph_that_a_crash_left_invalid_is_found_and_built_again() -> None:
    add_products(range(30))
    rebuild()
    live = live_generation()
    assert live is not None
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE pg_index SET indisvalid = false WHERE indexrelid = to_regclass(%s)",
            [f"{live.vector_table}_graph"],
        )
    assert vector_store().graph_is_valid(live) is False

    refresh()

    assert vector_store().graph_is_valid(live) is True
    assert found_skus(photo(3))[0] == "00003"


@pytest.mark.usefixtures("empty_shop")
def test_the_live_generation_cannot_be_dropped() -> None:
    add_product("a", photo(1))
    live = rebuild().generation
    assert live is not None

    with pytest.raises(publishing.PublishingError, match="is live"):
        publishing.drop_generation(live)

    assert table_exists(live)
