"""The variants of a result that look different, such as the same chair in another colour."""

from collections.abc import Sequence

from catalog.product_cards import VariantCard, read_variant_cards
from search.answer import Result

MAX_SHOWN = 4  # of each product


def add_other_variants(results: Sequence[Result]) -> None:
    """Adds to each result the first variants of its product that have photos of their own."""
    varied = [result for result in results if result.variant]
    if not varied:
        return
    variants = read_variant_cards([result.product.pk for result in varied])
    for result in varied:
        seen = {result.offer.file, None}
        others: list[VariantCard] = []
        for variant in variants.get(result.product.pk, []):
            if variant.file not in seen and len(others) < MAX_SHOWN:
                seen.add(variant.file)
                others.append(variant)
        result.other_variants = others
