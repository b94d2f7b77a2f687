"""Template filters that format prices and scores."""

from django import template
from django.utils.formats import number_format
from django.utils.translation import get_language

from catalog.models import Product
from catalog.product_cards import ProductCard

register = template.Library()

SIGNS = {"EUR": "€", "USD": "$", "GBP": "£", "RUB": "₽", "KZT": "₸", "UAH": "₴", "PLN": "zł"}
NO_BREAK = "\u00a0"


@register.filter
def money(product: Product | ProductCard) -> str:
    """The price with its currency: €212.99 in English, 212,99 € in Russian. Cents are left out if
    they are zero."""
    whole = product.price == product.price.to_integral_value()
    amount = number_format(product.price, 0 if whole else 2, force_grouping=True)
    sign = SIGNS.get(product.currency)
    if get_language() == "en":
        return f"{sign}{amount}" if sign else f"{product.currency}{NO_BREAK}{amount}"
    return f"{amount}{NO_BREAK}{sign or product.currency}"


@register.filter
def percent(share: float) -> str:
    """A share from 0 to 1 as whole percents."""
    return f"{round(100 * share)}%"
