"""The page of a product, with Django's test client."""

import json
from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from catalog.models import Event, Product
from search.events.next_products import products_opened_next
from tests.search.outages import lose_encoder
from tests.search.page.page_requests import product_of_the_chair, text_of

pytestmark = pytest.mark.django_db


def test_a_product_is_shown_with_its_lookalikes(client: Client, demo_index):
    product = product_of_the_chair()
    response = client.get(f"/products/{product.pk}/")
    page = text_of(response)
    assert product.title in page
    assert "CC0-1.0" in page
    assert " cm" in page
    lookalikes = [result.product.pk for result in response.context["answer"].results]
    assert len(lookalikes) == 12
    assert product.pk not in lookalikes


def test_a_product_is_shown_without_an_encoder(client: Client, demo_index):
    lose_encoder()
    response = client.get(f"/products/{product_of_the_chair().pk}/")
    assert response.status_code == 200
    assert "answer" not in response.context


@pytest.mark.parametrize("pk", [0, 999_999_999])
def test_a_missing_product_is_not_found(client: Client, pk: int):
    response = client.get(f"/products/{pk}/")
    assert response.status_code == 404
    assert "Page not found" in text_of(response)


def test_a_hidden_product_is_not_found(client: Client, demo_index):
    product = product_of_the_chair()
    Product.objects.filter(pk=product.pk).update(is_visible=False)
    assert client.get(f"/products/{product.pk}/").status_code == 404


def test_a_product_describes_itself_to_other_sites(client: Client, demo_index):
    product = product_of_the_chair()
    Product.objects.filter(pk=product.pk).update(description="</script><b>&")
    page = text_of(client.get(f"/products/{product.pk}/"))

    text = page.partition('<script type="application/ld+json">')[2].partition("</script>")[0]
    described = json.loads(text)
    assert (described["@type"], described["sku"]) == ("Product", product.sku)
    assert described["description"] == "</script><b>&"
    assert described["image"][0].startswith("http://testserver/media/")
    assert f'<meta property="og:title" content="{product.label}">' in page
    price = f'<meta property="product:price:amount" content="{product.price}">'
    assert "." in price
    assert price in page
    in_russian = client.get(f"/products/{product.pk}/", headers={"Accept-Language": "ru"})
    assert price in text_of(in_russian)  # machines read it


def test_a_product_leads_back_to_the_results(client: Client, demo_index):
    address = f"/products/{product_of_the_chair().pk}/"
    results = "/search/?q=chair&shown=48"

    from_results = client.get(address, headers={"Referer": f"http://testserver{results}"})
    from_elsewhere = client.get(address, headers={"Referer": f"http://example.com{results}"})

    assert from_results.context["back"] == results
    assert "Back to the results" in text_of(from_results)
    assert "Back to the results" not in text_of(from_elsewhere)


def test_pages_are_compressed_and_crawlers_are_told_what_to_leave(client: Client, demo_index):
    page = client.get("/search/?q=chair", headers={"Accept-Encoding": "gzip"})

    assert page["Content-Encoding"] == "gzip"
    assert "Disallow: /search/" in client.get("/robots.txt").content.decode()
    assert client.get("/favicon.ico")["Location"].endswith(".svg")


def test_a_product_shows_what_others_opened_next(client: Client, demo_index) -> None:
    chair = product_of_the_chair().pk
    lamp, table, sofa, rug, hidden = Product.objects.exclude(pk=chair).order_by("pk")[:5]
    Product.objects.filter(pk=hidden.pk).update(is_visible=False)

    def opens(session: int, *products: int, origin: str = "", type: str = "click") -> None:
        given = {"session": f"s{session}", "origin": origin or f"{session:016x}", "type": type}
        for product in products:
            Event.objects.create(product_id=product, **given)

    for session in range(4):
        opens(session, sofa.pk, chair, lamp.pk, hidden.pk)  # the sofa came before
    for session in range(3):
        opens(session, rug.pk)
        opens(session + 10, chair, table.pk, origin="the same")  # one shopper who pretends
        opens(session + 20, chair)
        opens(session + 20, table.pk, type="wrong")

    response = client.get(f"/products/{chair}/")

    shown = [result.product.pk for result in response.context["opened_next"]["results"]]
    assert shown == [lamp.pk, rug.pk]
    assert "Others went on to view" in text_of(response)
    assert "Others went on to view" not in text_of(client.get(f"/products/{table.pk}/"))


def test_users_of_a_file_count_each_and_within_a_day(demo_index: None) -> None:
    chair = product_of_the_chair().pk
    lamp, table, sofa, rug = Product.objects.exclude(pk=chair).order_by("pk")[:4]
    start = timezone.now() - timedelta(days=9)

    def opens(user: str, product: int, hours: float, channel: str) -> None:
        at = start + timedelta(hours=hours)
        Event.objects.create(
            type="view", product_id=product, user=user, at=at, channel=channel, origin="the same"
        )

    for number in range(3):
        for channel in ("file", "server", "open"):
            user = f"{channel}-{number}"
            opens(user, sofa.pk, 0, channel)  # before the chair
            opens(user, chair, 1, channel)
            opens(user, {"file": lamp, "server": table, "open": rug}[channel].pk, 2, channel)
            opens(user, sofa.pk, 26, channel)  # another day

    assert products_opened_next(chair) == sorted([lamp.pk, table.pk])
