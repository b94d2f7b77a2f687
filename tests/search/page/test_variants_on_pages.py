"""Pages of products with variants."""

from django.test import Client

from catalog.models import Product, Variant
from tests.search.retrieval.test_variants import (  # noqa: F401  (fixtures)
    empty_shop,
    encoder,
    encoders,
    offline_settings,
    shop,
)


def text_of(client: Client, address: str, language: str = "en") -> str:
    response = client.get(address, headers={"Accept-Language": language})
    assert response.status_code == 200
    return response.content.decode()


def test_a_product_page_has_a_table_of_its_variants(
    shop: Product,  # noqa: F811
    client: Client,
) -> None:
    page = text_of(client, f"/products/{shop.pk}/")

    table = page[page.index('<table class="variants">') : page.index("</table>")]
    assert all(f'<th scope="col">{name}</th>' in table for name in ("Colour", "Size", "Price"))
    assert [table.count(word) for word in ("red-s", "$50", "Out of stock")] == [2, 1, 2]
    russian = text_of(client, f"/products/{shop.pk}/", "ru")
    assert "Варианты" in russian
    assert "Нет в наличии" in russian


def test_a_product_page_shows_the_chosen_variant(
    shop: Product,  # noqa: F811
    client: Client,
) -> None:
    plain = client.get(f"/products/{shop.pk}/")
    chosen = client.get(f"/products/{shop.pk}/?variant=blue-l")
    unknown = client.get(f"/products/{shop.pk}/?variant=%00x")

    assert 'href="https://shop.example/blue-l"' in chosen.content.decode()
    assert chosen.context["offer"].price == 50
    assert chosen.context["photos"][0] == shop.photo_urls[2]
    assert plain.context["photos"] == unknown.context["photos"] == shop.photo_urls
    assert plain.context["offer"].price == 30


def test_a_product_without_variants_has_no_table(
    shop: Product,  # noqa: F811
    client: Client,
) -> None:
    product = Product.objects.get(sku="cheap")

    assert '<table class="variants">' not in text_of(client, f"/products/{product.pk}/")


def test_results_show_variants_and_filters_by_option(
    shop: Product,  # noqa: F811
    client: Client,
) -> None:
    Variant.objects.filter(sku="blue-m").update(sku="blue/m & more")
    page = text_of(client, "/search/?q=blue&option=size:M")

    assert f"/products/{shop.pk}/?variant=blue%2Fm%20%26%20more" in page
    assert "blue, M" in page
    assert "$40" in page
    assert "<legend>Size</legend>" in page
    assert 'name="option" value="size:M" form="search" checked' in page
    assert 'name="option" value="colour:red"' in page


def test_the_page_explains_a_malformed_option(
    shop: Product,  # noqa: F811
    client: Client,
) -> None:
    response = client.get("/search/?q=blue&option=M", headers={"Accept-Language": "en"})

    assert response.status_code == 400
    assert "Write an option as name:value, such as size:M." in response.content.decode()


def test_results_lead_to_the_same_product_in_another_colour(
    shop: Product,  # noqa: F811
    client: Client,
) -> None:
    response = client.get("/search/?q=blue&option=size:M&option=colour:blue")

    (result,) = response.context["answer"].results
    assert result.variant.sku == "blue-m"
    assert [other.options["colour"] for other in result.other_variants] == ["red"]
    page = response.content.decode()
    assert f'href="/products/{shop.pk}/?variant=red-s" title="red, S"' in page
    assert f"{shop.photo_urls[1]}?w=160" in page
