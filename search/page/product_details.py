"""The details of a product on its page: variants, sizes, author, licence and other attributes, and
what others opened next."""

from dataclasses import dataclass
from typing import Any

from django.utils.formats import number_format
from django.utils.translation import gettext as _

from catalog.models import Product
from catalog.product_cards import VariantCard, read_product_cards, read_variant_cards
from search.answer import Result
from search.events.next_products import products_opened_next
from search.recommendations.related_products import goes_with

SIZE_ATTRIBUTES = ("width_cm", "depth_cm", "height_cm")
LICENCE_URLS = {
    "CC0-1.0": "https://creativecommons.org/publicdomain/zero/1.0/",
    "CC-BY-3.0": "https://creativecommons.org/licenses/by/3.0/",
    "CC-BY-3.0-US": "https://creativecommons.org/licenses/by/3.0/us/",
    "CC-BY-4.0": "https://creativecommons.org/licenses/by/4.0/",
}


@dataclass(frozen=True)
class Detail:
    """A line of the list of details. `link` is a URL for its value, or ""."""

    label: str
    value: str
    link: str = ""


@dataclass(frozen=True)
class VariantRow:
    """A row of the table of variants: a variant, and its values of all options."""

    variant: VariantCard
    values: list[str]


def variants_of(product: Product, chosen_sku: str) -> dict[str, Any]:
    """Returns what the page shows of a product's variants: the `option_names` and rows of their
    table (`variants`), the `chosen` variant, or None if no variant has the sku, what has the price
    and the stock (`offer`), and the `photos`, those of the chosen variant first."""
    cards = read_variant_cards([product.pk]).get(product.pk, [])
    names = sorted({name for card in cards for name in card.options})
    chosen = next((card for card in cards if card.sku == chosen_sku), None)
    photos, first = product.photo_urls, chosen.photo_url if chosen else None
    return {
        "option_names": names,
        "variants": [
            VariantRow(card, [card.options.get(name, "–") for name in names]) for card in cards
        ],
        "chosen": chosen,
        "offer": chosen or product,
        "photos": sorted(photos, key=lambda url: url != first),
    }


def cards_opened_next(pk: int) -> dict[str, Any]:
    """Returns the visible products that shoppers opened after the product `pk`, as an answer that
    the template of cards shows."""
    return _as_answer(products_opened_next(pk))


def cards_going_with(product: Product) -> dict[str, Any]:
    """Returns the products that go with the product, as an answer that the template of cards
    shows."""
    return _as_answer(goes_with(product))


def _as_answer(ids: list[int]) -> dict[str, Any]:
    cards = read_product_cards(ids) if ids else {}
    results = [Result(product=cards[pk], score=0.0, match="weak") for pk in ids if pk in cards]
    return {"kind": "product", "results": results}


def details_of(product: Product) -> list[Detail]:
    """Returns the sizes on one line, then the other attributes in the shop's order, then the
    sku."""
    attributes = product.shown_attributes
    details = []
    if size := " × ".join(
        _text(attributes[name]) for name in SIZE_ATTRIBUTES if attributes.get(name)
    ):
        details.append(Detail(_("Size (W × D × H)"), _("%(size)s cm") % {"size": size}))
    labels = {"author": _("Author"), "license": _("Licence")}
    for name, value in attributes.items():
        if name in SIZE_ATTRIBUTES or value in (None, "", [], {}):
            continue
        label = labels.get(name) or name.replace("_", " ").capitalize()
        link = LICENCE_URLS.get(str(value), "") if name == "license" else ""
        details.append(Detail(label, _text(value), link))
    details.append(Detail(_("Article number"), product.sku))
    return details


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return _("yes") if value else _("no")
    if isinstance(value, int | float):
        return number_format(value)
    if isinstance(value, list | tuple):
        return ", ".join(_text(item) for item in value)
    if isinstance(value, dict):
        return ", ".join(f"{key}: {_text(item)}" for key, item in value.items())
    return str(value)
