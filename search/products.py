"""Products for shoppers, without a search."""

from typing import Any

from django.db.models import Exists, OuterRef, QuerySet

from catalog.models import Category, Product, ProductTag
from search.request import Filters, RequestError
from search.serving.admission import Deadline, admission

ORDERS = {
    "relevance": ("-popularity", "id"),
    "price": ("price", "id"),
    "-price": ("-price", "id"),
    "-created": ("-created_at", "-id"),
}


def list_products(filters: Filters, sort: str, limit: int, offset: int) -> dict[str, Any]:
    """A page of visible products: `count`, `next_offset` and `results`. Relevance means popularity
    here. Raises Overloaded, as searches do."""
    with admission.admitted(Deadline()):
        products = _filtered(Product.objects.visible(), filters).order_by(*ORDERS[sort])
        page = list(products.for_display()[offset : offset + limit + 1])
    more = len(page) > limit
    return {
        "count": min(len(page), limit),
        "next_offset": offset + limit if more else None,
        "results": page[:limit],
    }


def visible_product(pk: int) -> Product:
    """The visible product of this id. Raises RequestError if there is none."""
    product = Product.objects.visible().for_display().filter(pk=pk).first()
    if product is None:
        raise RequestError("not_found", f"There is no product {pk}.", 404)
    return product


def _filtered(products: QuerySet[Product], filters: Filters) -> Any:
    if filters.categories:
        subtree = Category.objects.subtree_ids(list(filters.categories))
        products = products.filter(category_id__in=subtree)
    for slug in filters.tags:
        given = ProductTag.objects.filter(product=OuterRef("pk"), tag__slug=slug)
        products = products.filter(Exists(given))
    if filters.brands:
        products = products.filter(brand__in=filters.brands)
    if filters.price_min is not None:
        products = products.filter(price__gte=filters.price_min)
    if filters.price_max is not None:
        products = products.filter(price__lte=filters.price_max)
    if filters.in_stock is not None:
        products = products.filter(in_stock=filters.in_stock)
    return products
