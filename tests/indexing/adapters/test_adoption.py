"""Another encoder encodes queries of the live index through an adapter, until its own index is
built."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from django.db import IntegrityError, transaction

from catalog.index.live_index import live_generation, live_index
from catalog.models import Adapter, Embedding, EncoderVersion, Generation
from catalog.visual.errors import EncoderError
from indexing.adapters.fitting import AdapterError, failed_adapter_gates
from indexing.generations import publishing
from indexing.generations.adoption import adopt_encoder
from indexing.models import IndexingRun
from indexing.pipeline.rebuild import start_rebuild
from indexing.pipeline.worker import work_on
from tests.indexing.conftest import lasting_shop
from tests.indexing.histogram_encoder import HistogramEncoder
from tests.indexing.shop import (
    add_product,
    add_products,
    current_images,
    embedded_images,
    found_skus,
    photo,
    rebuild,
    refresh,
    replace_photo,
    search_by_photo,
    vectors_of,
)

PHOTOS = 160


@pytest.fixture(scope="module")
def shop_media(
    django_db_setup: None, django_db_blocker: Any, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Path]:
    """The photos of a shop with a live index."""
    media = tmp_path_factory.mktemp("media")
    with django_db_blocker.unblock(), lasting_shop(media, PHOTOS):
        yield media


@pytest.fixture
def live(
    shop_media: Path, db: None, encoders: dict[str, HistogramEncoder], settings: Any
) -> Generation:
    """The live generation of the shop. Its encoder is `histogram`."""
    settings.MEDIA_ROOT = shop_media
    generation = live_generation()
    assert generation is not None
    return generation


def own_products_found(numbers: Sequence[int]) -> float:
    return float(np.mean([found_skus(photo(n))[0] == f"{n:05}" for n in numbers]))


def statuses() -> dict[str, str]:
    return dict(EncoderVersion.objects.values_list("name", "status"))


@pytest.mark.parametrize("name", ["bent", pytest.param("wide", marks=pytest.mark.long)])
def test_a_new_encoder_searches_the_old_vectors(
    live: Generation, encoders: dict[str, HistogramEncoder], name: str
) -> None:
    before = vectors_of(live), embedded_images(live.encoder_id)
    encoders["histogram"].encoded = 0

    adapter = adopt_encoder(name)

    # Then the new encoder encodes every search and finds the right product among the old vectors,
    assert own_products_found(range(0, PHOTOS, 4)) == 1
    assert encoders["histogram"].encoded == 0
    assert encoders[name].encoded > 0
    # which have not changed.
    assert (vectors_of(live), embedded_images(live.encoder_id)) == before
    assert search_by_photo(photo(3)).generation == live
    recalls = [adapter.figures[by]["photos"]["recall_at_5"] for by in ("native", "adapter", "now")]
    assert recalls == [1, 1, 1]
    assert set(adapter.figures["tried"]) == {"orthogonal", "low_rank", "residual"}
    assert statuses() == {"histogram": "live", name: "live"}


@pytest.mark.long
def test_text_queries_are_mapped_by_the_adapter_too(live: Generation) -> None:
    for colour in ("red", "lime", "blue"):
        add_product(colour, photo(colour), title="Plain")
    refresh()
    adopt_encoder("wide")

    assert found_skus(photo("red"))[0] == "red"
    assert found_skus(photo("red"), text="blue", less_text="red")[:2] == ["blue", "red"]
    index = live_index()
    query = index.encode_texts(["lime"])[0]
    assert query @ index.encode_images([_image("lime")])[0] == pytest.approx(1, abs=0.01)


def _image(colour: str) -> Any:
    from PIL import Image

    return Image.new("RGB", (64, 64), colour)


@pytest.mark.long
def test_only_queries_are_mapped_to_the_index_space(
    live: Generation, encoders: dict[str, HistogramEncoder]
) -> None:
    adopt_encoder("wide")
    index = live_index()
    image = _image("orange")

    query = index.encode_images([image])

    assert encoders["wide"].encode_images([image]).shape == (1, 640)
    assert query.shape == (1, 512)
    assert np.linalg.norm(query) == pytest.approx(1, abs=1e-5)
    target = encoders["histogram"].encode_images([image])[0]
    assert query[0] @ target == pytest.approx(1, abs=0.01)
    # The index encoder still embeds the photos of the catalogue.
    add_product("late", photo(999))
    refresh()
    assert embedded_images(live.encoder_id) == current_images() == vectors_of(live)
    assert found_skus(photo(999))[0] == "late"


@pytest.mark.long
def test_a_photo_replaced_while_an_adapter_is_in_use_is_found(live: Generation) -> None:
    product = add_product("a", photo("red"))
    refresh()
    adopt_encoder("bent")

    replace_photo(product.images.get(), photo(777))
    refresh()

    assert found_skus(photo(777))[0] == "a"


def test_an_encoder_whose_adapter_fails_the_gates_is_not_adopted(live: Generation) -> None:
    with pytest.raises(publishing.PublishingError, match=r"through the adapter, below 0.95 of"):
        adopt_encoder("strange")

    adapter = Adapter.objects.get()
    assert adapter.figures["native"]["photos"]["recall_at_1"] == 1
    assert failed_adapter_gates(adapter.figures) != []
    assert found_skus(photo(3))[0] == "00003"
    assert live_index().adapter is None
    assert statuses() == {"histogram": "live", "strange": "registered"}


@pytest.mark.usefixtures("empty_shop")
def test_an_adapter_without_enough_photos_is_refused_with_a_sentence() -> None:
    add_products(range(50))
    with pytest.raises(AdapterError, match="Nothing is live yet"):
        adopt_encoder("bent")
    rebuild()

    with pytest.raises(AdapterError, match="there are 50 that both encoders have embedded"):
        adopt_encoder("bent")
    with pytest.raises(AdapterError, match="needs no adapter"):
        adopt_encoder("histogram")


@pytest.mark.long
def test_rolling_back_removes_the_adapter_first(live: Generation) -> None:
    earlier, live = live, rebuild().generation or live
    adopt_encoder("bent")

    assert publishing.roll_back() == live
    assert live_index().query_encoder.name == "histogram"
    assert statuses() == {"histogram": "live", "bent": "retired"}
    assert search_by_photo(photo(5)).results[0].score == pytest.approx(1, abs=0.1)

    assert publishing.roll_back() == earlier


@pytest.mark.long
def test_an_adapter_of_another_index_is_refused(live: Generation) -> None:
    adapter = adopt_encoder("bent")
    rebuild("other")

    with pytest.raises(publishing.PublishingError, match="does not lead to the live generation"):
        publishing.adopt_adapter(adapter)


def test_only_the_live_generation_can_have_an_adapter(live: Generation) -> None:
    adopt_encoder("bent")

    with pytest.raises(IntegrityError, match="only_the_live_one_is_adapted"), transaction.atomic():
        Generation.objects.update(state=Generation.State.RETIRED)


def test_a_damaged_adapter_is_not_used(live: Generation) -> None:
    adapter = adopt_encoder("bent")
    data = bytes(adapter.parameters)
    Adapter.objects.update(parameters=data[:-1] + bytes([data[-1] ^ 1]), checksum="0" * 64)

    with pytest.raises(EncoderError, match=r"damaged.+index rollback"):
        live_index()

    publishing.roll_back()
    assert found_skus(photo(3))[0] == "00003"


@pytest.mark.long
def test_a_rebuild_at_once_searches_with_the_new_encoder_from_its_first_stage_on(
    live: Generation, encoders: dict[str, HistogramEncoder]
) -> None:
    run = start_rebuild("wide", at_once=True)
    query_encoders: dict[str, str] = {}

    def record(run: IndexingRun) -> None:
        if run.stage and run.stage != "adapt":
            query_encoders[run.stage] = live_index().query_encoder.name
            assert own_products_found([1, 2, 3]) == 1

    run = work_on(run, record)

    # Then the new encoder encoded all searches, and at the end its own vectors were searched.
    assert run.state == "succeeded"
    assert set(query_encoders.values()) == {"wide"}
    assert {"embed", "graph", "publish"} <= set(query_encoders)
    index = live_index()
    assert (index.generation, index.adapter) == (run.generation, None)
    assert index.generation.encoder.name == "wide"
    assert search_by_photo(photo(7)).results[0].score == pytest.approx(1, abs=0.1)
    assert statuses() == {"histogram": "retired", "wide": "live"}
    # Each photo was embedded once, including those of the sample.
    assert Embedding.objects.filter(encoder__name="wide").count() == PHOTOS
    # A roll back leads to the old encoder and its vectors, without an adapter.
    publishing.roll_back()
    index = live_index()
    assert (index.generation, index.adapter) == (live, None)
    assert index.query_encoder.name == "histogram"
    assert own_products_found([1, 2, 3]) == 1


@pytest.mark.long
def test_a_rebuild_goes_on_without_an_adapter_that_fails_the_gates(live: Generation) -> None:
    run = work_on(start_rebuild("strange", at_once=True))

    assert run.state == "succeeded"
    assert Generation.objects.filter(query_adapter__isnull=False).count() == 0
    assert live_index().query_encoder.name == "strange"


@pytest.mark.long
def test_an_ordinary_rebuild_leaves_searches_alone(live: Generation) -> None:
    query_encoders = set()
    work_on(
        start_rebuild("bent", publish=False),
        lambda run: query_encoders.add(live_index().query_encoder.name),
    )

    assert query_encoders == {"histogram"}
    assert not Adapter.objects.exists()
