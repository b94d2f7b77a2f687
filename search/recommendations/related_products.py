"""Products that go with a product: shoppers of one often choose the other as well."""

from catalog.index.factor_store import live_factors, nearest_factors, read_factors
from catalog.models import Product
from search.filters.declared import filter_condition
from search.request import Filters

FOUND = 60
MAX_SHOWN = 6


def goes_with(product: Product) -> list[int]:
    """Returns the ids of at most MAX_SHOWN products in stock of other categories whose factors are
    nearest to that of the product, best first. There are none if nothing was learned of it."""
    model = live_factors()
    factor = read_factors(model, [product.pk]).get(product.pk) if model else None
    if model is None or factor is None:
        return []
    condition = filter_condition(Filters(in_stock=True), [product.pk])
    found = nearest_factors(model, factor, FOUND, condition)
    others = [item for item in found if item.category_id != product.category_id]
    return [item.product_id for item in others[:MAX_SHOWN]]
