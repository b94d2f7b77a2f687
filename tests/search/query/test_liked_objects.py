"""More like one of the results, beside a photo of several objects."""

from catalog.models import Product
from search.photo_search import search
from search.request import SearchRequest
from tests.search.colour_spotter import ColourSpotter
from tests.search.query.test_objects_in_searches import (  # noqa: F401  (fixture)
    TWO_THINGS,
    encoder,
)


def test_more_of_a_product_is_more_of_the_object_that_looks_like_it(
    encoder: ColourSpotter,  # noqa: F811
) -> None:
    blue = Product.objects.get(sku="blue")

    answer = search(SearchRequest(images=(TWO_THINGS,), product_id=blue.pk))

    both = search(SearchRequest(images=(TWO_THINGS,)))
    assert len({result.object for result in both.results[:4]}) == 2
    assert len({result.object for result in answer.results}) == 1
