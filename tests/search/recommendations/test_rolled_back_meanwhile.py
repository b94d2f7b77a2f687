"""While models are published and rolled back, each answer is by one of them alone."""

import json
import threading
import urllib.request
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from catalog.index.factor_store import (
    add_factors,
    build_factor_graph,
    create_factors,
    drop_factors,
)
from catalog.models import Embedding, Event, FactorModel, Product
from indexing.recommendations.factor_publishing import publish_factors, roll_back_factors
from tests.indexing.conftest import drop_vector_tables, empty_tables, use_fast_encoders
from tests.indexing.shop import add_products, rebuild
from tests.support.processes import wait_until

PRODUCTS, CIRCLES = 40, 4
SESSION = "0123456789abcdef0123456789abcdef"
CLIENTS, SWITCHES = 3, 10


@pytest.fixture
def shop(
    transactional_db: None, settings: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[list[int]]:
    settings.MEDIA_ROOT, settings.ENCODER, settings.LABELLED_PHOTOS = tmp_path, "histogram", ""
    settings.COMPOSED_PHOTOS, settings.SEARCH_CANDIDATES = 0, 50
    use_fast_encoders(monkeypatch)
    empty_tables()
    add_products(range(PRODUCTS))
    rebuild()
    Embedding.objects.all().delete()  # so that looks say nothing, and taste decides
    yield sorted(Product.objects.values_list("pk", flat=True))
    drop_vector_tables()


def build_model(ids: list[int], circles: np.ndarray, dimensions: int) -> FactorModel:
    """Builds a model by which the products of a circle go together, and others do not."""
    factors = np.eye(CIRCLES, dimensions)[circles]
    factors = factors + np.random.default_rng(0).normal(0, 0.02, factors.shape)
    model = FactorModel.objects.create(
        dimensions=dimensions,
        alpha=5.0,
        regularization=0.1,
        longest=float(np.linalg.norm(factors, axis=1).max()),
        gram_bytes=(factors.T @ factors).astype(np.float32).tobytes(),
        state=FactorModel.State.BUILT,
    )
    create_factors(model)
    add_factors(model, ids, factors, is_learned=True)
    build_factor_graph(model)
    return model


def failed(asking: list[Future[None]]) -> bool:
    return any(future.done() for future in asking)


def test_no_answer_mixes_two_models(shop: list[int], live_server: Any) -> None:
    numbers = np.arange(PRODUCTS)
    partitions = (numbers % CIRCLES, numbers // (PRODUCTS // CIRCLES))
    # The models differ in the number of dimensions, too: a mixture would be an error.
    models = [build_model(shop, of, 8 + 4 * n) for n, of in enumerate(partitions)]
    publish_factors(models[0])
    Event.objects.create(type="view", product_id=shop[0], session=SESSION)
    own = [{shop[n] for n in np.flatnonzero(of == of[0])} for of in partitions]
    url = f"{live_server.url}/api/v1/recommendations/?session={SESSION}&limit=3"
    by_model = Counter[tuple[bool, ...]]()
    ended = threading.Event()

    def publish_second() -> None:
        publish_factors(models[1])

    def ask() -> None:
        while not ended.is_set():
            with urllib.request.urlopen(url, timeout=60) as answer:
                results = json.load(answer)["results"]
            first = {result["product"]["id"] for result in results}
            by_model[tuple(first <= circle for circle in own)] += 1

    with ThreadPoolExecutor(CLIENTS) as threads:
        asking = [threads.submit(ask) for _ in range(CLIENTS)]
        try:
            for switch in (publish_second, roll_back_factors) * SWITCHES:
                switch()
                enough = by_model.total() + 2 * CLIENTS
                wait_until(lambda enough=enough: by_model.total() > enough or failed(asking))
        finally:
            ended.set()
        for done in asking:
            done.result()

    assert set(by_model) == {(True, False), (False, True)}, by_model
    for model in models:
        drop_factors(model)
