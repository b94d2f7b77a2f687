"""The page about the history of shoppers, and what the first page says of its age."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from catalog.api.access_keys import create_key
from catalog.models import Event, FactorModel, Product
from indexing.console.encoders import history_page
from indexing.console.encoders.history_page import count_events
from indexing.models import IndexingRun
from indexing.recommendations.factor_freshness import MIN_SHOPPERS, factor_freshness
from search.events.recording import record_events
from tests.console.pages.people import member, text_of
from tests.indexing.shop import add_product, add_products, photo, rebuild

pytestmark = pytest.mark.usefixtures("empty_shop")

SESSION = "5f0c9e51a2b34d185f0c9e51a2b34d18"
NAMED = {"query": "", "user": "", "session": SESSION}


@pytest.fixture
def product() -> Product:
    return add_product("lamp", photo(1))


def history(client: Client) -> str:
    return text_of(client.get(reverse("admin:recommendation_history")))


def trained(hours: int, state: str = "live") -> FactorModel:
    model = FactorModel.objects.create(
        dimensions=2,
        alpha=1,
        regularization=1,
        state=state,
        figures={
            "factors": {"coverage": 0.6},
            "learned_products": 7,
            "other_products": 2,
            "measured_shoppers": 90,
        },
    )
    FactorModel.objects.filter(pk=model.pk).update(
        created_at=timezone.now() - timedelta(hours=hours)
    )
    return model


def visit(product: Product, shoppers: int, hours: float = 1) -> None:
    at = timezone.now() - timedelta(hours=hours)
    Event.objects.bulk_create(
        Event(type="view", product_id=product.pk, session=f"s{n}", at=at) for n in range(shoppers)
    )


def test_events_are_told_by_kind_day_and_way(client: Client, product: Product) -> None:
    click = {"type": "click", "product": product.pk, "session": SESSION}
    _, secret = create_key("server", ["events"], "test")
    _, publishable = create_key("page", ["events"], "test", origins=["https://shop.example"])
    for headers in (
        {"Origin": "http://testserver"},
        {"Origin": "https://elsewhere.example"},
        {},
        {"Authorization": f"Bearer {secret}"},
        {"Authorization": f"Bearer {publishable}", "Origin": "https://shop.example"},
    ):
        answer = client.post("/api/v1/events/", [click], "application/json", headers=headers)
        assert answer.status_code == 202, answer.content
    yesterday = timezone.now() - timedelta(days=1)
    record_events([{**NAMED, "type": "cart", "product": product.pk, "at": yesterday}], "")
    Event.objects.create(type="view", product_id=product.pk, session=SESSION)  # from before

    counts = count_events()

    ways = {way: n for (_, kind, way), n in counts.numbers.items() if kind == "click"}
    assert ways == {"page": 1, "open": 2, "server": 1, "component": 1}
    assert counts.of_day(yesterday.date(), "cart") == counts.of_channel("file", "cart") == 1
    assert not counts.is_estimated
    page = history(member("viewer"))
    for text in ("pages of Vitrina 0 1 0 0 0", "calls without a key 0 2", "not recorded 1"):
        assert text in page


def test_a_long_history_is_estimated_from_a_part(
    product: Product, monkeypatch: pytest.MonkeyPatch
) -> None:
    visit(product, 40_000)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE catalog_event")
    monkeypatch.setattr(history_page, "MAX_READ", 8_000)

    counts = count_events()

    assert counts.is_estimated
    assert sum(counts.numbers.values()) == pytest.approx(40_000, rel=0.25)
    assert "estimates from a part of it" in history(member("viewer"))


def test_the_page_says_how_fresh_the_model_is_and_what_it_reaches(product: Product) -> None:
    anna = member("viewer")
    assert "Nothing was trained yet." in history(anna)
    model = trained(hours=5)
    visit(product, 3)

    page = history(anna)

    assert "The last training was 5 h 0 min ago." in page
    assert "3 events came since." in page
    assert f"Figures of factor model {model.pk}" in page
    assert "Products with a history 7" in page
    assert "Placed by their looks 2" in page
    assert "Recommended to somebody, of 100 60" in page
    assert "Train now" not in page
    assert "Train now" in history(member("publisher"))


def test_the_first_page_warns_if_training_has_not_run(admin_client: Client) -> None:
    add_products(range(3))
    rebuild()
    lamp = Product.objects.all()[0]
    model = trained(hours=37)

    def problem() -> bool:
        return "The nightly training has not run" in text_of(admin_client.get("/admin/"))

    visit(lamp, MIN_SHOPPERS, hours=40)  # before the training
    visit(lamp, MIN_SHOPPERS - 1)
    assert not problem()  # too few to learn from
    visit(lamp, MIN_SHOPPERS)
    assert problem()
    page = text_of(admin_client.get("/admin/"))
    assert "Recommendations were trained 1 d 13 h ago." in page
    assert f"Factor model {model.pk} recommends; the last training was 1 d 13 h ago." in page
    trained(hours=37, state="building")
    assert problem()
    trained(hours=3, state="rejected")  # it has run, and found nothing better
    assert not problem()


def test_the_first_page_names_a_training_that_failed(admin_client: Client) -> None:
    add_products(range(3))
    rebuild()
    sentence = "5 shoppers have opened new products in the last 7 days and others before."
    IndexingRun.objects.create(
        kind="recommendations",
        state="failed",
        error=f"{sentence} At least 20 are needed to learn recommendations.",
    )
    assert sentence not in text_of(admin_client.get("/admin/"))  # no model was there to go stale
    trained(hours=3)

    assert sentence in text_of(admin_client.get("/admin/"))
    page = admin_client.get("/admin/", headers={"Accept-Language": "ru"})
    assert "Чтобы обучить рекомендации" in text_of(page)


def test_freshness_takes_one_query(product: Product, django_assert_num_queries: Any) -> None:
    trained(hours=2)
    visit(product, 5)

    with django_assert_num_queries(1):
        fresh = factor_freshness()

    assert fresh is not None
    assert (fresh.events, fresh.shoppers, fresh.is_late) == (5, 5, False)
