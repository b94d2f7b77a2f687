"""Factor models in the console: their figures, and who may publish and roll back."""

from typing import Any

import numpy as np
import pytest
from django.test import Client
from django.urls import reverse

from catalog.index.factor_store import add_factors, build_factor_graph, create_factors
from catalog.models import FactorModel
from tests.console.pages.people import member, said, text_of
from tests.indexing.shop import add_products

pytestmark = pytest.mark.usefixtures("empty_shop")

LIST = "admin:catalog_factormodel_changelist"
FIGURES = {
    "factors": {"recall": 0.3, "coverage": 0.6},
    "popularity": {"recall": 0.1},
    "shoppers": 250,
    "learned_products": 12,
}


@pytest.fixture
def models() -> list[FactorModel]:
    """Two models that are built, and can be published."""
    ids = [product.pk for product in add_products(range(3))]
    made = []
    for _ in range(2):
        model = FactorModel.objects.create(
            dimensions=2, alpha=1, regularization=1, longest=1, state="built", figures=FIGURES
        )
        create_factors(model)
        add_factors(model, ids, np.eye(3, 2), is_learned=True)
        build_factor_graph(model)
        made.append(model)
    return made


def act(client: Client, action: str, model: FactorModel) -> list[str]:
    chosen: dict[str, Any] = {"action": action, "_selected_action": [str(model.pk)]}
    client.cookies.pop("messages", None)
    return said(client.post(reverse(LIST), chosen))


def states(models: list[FactorModel]) -> list[str]:
    for model in models:
        model.refresh_from_db()
    return [model.state for model in models]


def test_the_list_and_a_page_show_the_figures(models: list[FactorModel]) -> None:
    anna = member("viewer")

    listed = text_of(anna.get(reverse(LIST)))
    page = text_of(anna.get(reverse("admin:catalog_factormodel_change", args=[models[0].pk])))

    for text in (listed, page):
        assert "0.300" in text
        assert "250" in text


def test_a_publisher_publishes_and_rolls_back(models: list[FactorModel]) -> None:
    anna = member("publisher")
    first, second = models

    assert act(anna, "publish", first) == [f"Factor model {first.pk} is live."]
    assert act(anna, "publish", second) == [f"Factor model {second.pk} is live."]
    assert states(models) == ["retired", "live"]
    assert act(anna, "roll_back", second) == [f"Factor model {first.pk} is live."]
    assert states(models) == ["live", "rejected"]
    assert act(anna, "roll_back", first) == ["There is no earlier factor model to go back to."]


def test_an_operator_cannot_publish(models: list[FactorModel]) -> None:
    act(member("operator"), "publish", models[0])

    assert states(models) == ["built", "built"]


def test_a_note_is_in_russian(models: list[FactorModel]) -> None:
    note = "its recall@20 is 0.100, below that of popular products, 0.200"
    FactorModel.objects.filter(pk=models[0].pk).update(state="rejected", note=note)

    page = member("viewer").get(reverse(LIST), headers={"Accept-Language": "ru"})

    assert "меньше, чем у популярных товаров, 0.200" in text_of(page)
