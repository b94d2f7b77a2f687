"""Template filters that format prices and scores."""

from django import template
from django.utils.formats import number_format
from django.utils.translation import get_language

from catalog.models import Product
from catalog.product_cards import ProductCard, VariantCard

register = template.Library()

CURRENCY_SIGNS = {
    "EUR": "€",
    "USD": "$",
    "GBP": "£",
    "RUB": "₽",
    "KZT": "₸",
    "UAH": "₴",
    "PLN": "zł",
}
NO_BREAK_SPACE = "\u00a0"


@register.filter
def money(offer: Product | ProductCard | VariantCard, currency: str) -> str:
    """Formats the price with its currency: €212.99 in English, 212,99 € in Russian. Leaves out zero
    cents."""
    whole = offer.price == offer.price.to_integral_value()
    amount = number_format(offer.price, 0 if whole else 2, force_grouping=True)
    sign = CURRENCY_SIGNS.get(currency)
    if get_language() == "en":
        return f"{sign}{amount}" if sign else f"{currency}{NO_BREAK_SPACE}{amount}"
    return f"{amount}{NO_BREAK_SPACE}{sign or currency}"


@register.filter
def percent(share: float) -> str:
    """Formats a share from 0 to 1 as a whole percentage."""
    return f"{round(100 * share)}%"
