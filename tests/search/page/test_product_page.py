"""The page of a product, with Django's test client."""

import pytest
from django.test import Client

from catalog.models import Product
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
