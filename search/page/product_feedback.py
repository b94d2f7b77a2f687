"""What a shopper says about products of an answer, so that it can be seen and undone."""

from dataclasses import dataclass, replace

from django.utils.translation import gettext as _

from catalog.models import Product
from search.answer import SearchAnswer
from search.page.refinements import address_of
from search.request import SearchRequest


@dataclass(frozen=True)
class Feedback:
    """What the shopper said about a product: `kind` is a parameter, "like", "less" or "wrong".
    `without` is the URL of the search without it."""

    kind: str
    product_id: int
    label: str
    without: str


def given_feedback(request: SearchRequest, answer: SearchAnswer) -> list[Feedback]:
    """Returns what the shopper said about products, in the order of the page."""
    like, less, wrong = request.product_id, request.less_products, request.wrong
    ids = [*([like] if like else []), *less, *wrong]
    names = {product.pk: product.label for product in Product.objects.filter(pk__in=ids)}
    said = []
    if like in names:
        said.append((like, "like", _("More like “%s”"), replace(request, product_id=None)))
    for pk in less:
        left = replace(
            request, less_products=_without(less, pk), hidden=_without(request.hidden, pk)
        )
        said.append((pk, "less", _("Less like “%s”"), left))
    for pk in wrong:
        hidden = _without(request.hidden, pk)
        said.append((pk, "wrong", _("Hidden: “%s”"), replace(request, hidden=hidden)))
    return [
        Feedback(kind, pk, text % names[pk], address_of(without, answer))
        for pk, kind, text, without in said
        if pk in names
    ]


def _without(ids: tuple[int, ...], pk: int) -> tuple[int, ...]:
    return tuple(other for other in ids if other != pk)
