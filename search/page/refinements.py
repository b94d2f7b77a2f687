"""What a shopper can choose beside an answer: the filters, the tags, and the address to share."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.urls import reverse
from django.utils.http import urlencode
from django.utils.translation import gettext as _

from catalog.models import Category, Tag
from search.answer import SearchAnswer
from search.request import SORTS, Filters, SearchRequest

CHIPS = 8


@dataclass(frozen=True)
class Choice:
    """A value of a filter; `count` is how many results have it, if known."""

    value: str
    label: str
    count: int | None
    chosen: bool


@dataclass(frozen=True)
class ChoiceGroup:
    """The choices of one filter, under the name of its parameter."""

    name: str
    legend: str
    choices: list[Choice]


def choice_groups(answer: SearchAnswer, filters: Filters) -> list[ChoiceGroup]:
    """Categories and brands of the results; what is chosen stays, even when nothing has it."""
    categories = _with_chosen(answer.facets["category"], filters.categories, Category)
    brands = _with_chosen(answer.facets["brand"], filters.brands)
    groups = [
        ChoiceGroup("category", _("Category"), categories),
        ChoiceGroup("brand", _("Brand"), brands),
    ]
    return [group for group in groups if group.choices]


def tag_chips(answer: SearchAnswer, filters: Filters) -> list[Choice]:
    """Tags to refine by: the chosen ones, then those of the photo, then the results' own."""
    counts = {value["value"]: value["count"] for value in answer.facets["tag"]}
    chips = {c.value: c for c in _with_chosen([], filters.tags, Tag)}
    for tag, _score in answer.tags:
        if tag.slug in counts:
            chips.setdefault(tag.slug, Choice(tag.slug, tag.label, counts[tag.slug], False))
    found = sum(value["count"] for value in answer.facets["category"])
    for value in answer.facets["tag"]:
        if 1 < value["count"] < found:  # one that all have does not refine
            chips.setdefault(value["value"], Choice(**value, chosen=False))
    return list(chips.values())[: max(CHIPS, len(filters.tags))]


def address_of(asked: SearchRequest, answer: SearchAnswer) -> str:
    """An address that asks the same again: for good with words alone, with a photo as long as the
    photo is kept."""
    filters, photo = asked.filters, asked.images or asked.query
    pairs: list[tuple[str, Any]] = [
        ("q", asked.text),
        ("query", answer.query_id if photo else ""),
        ("box", box_text(asked) if photo else ""),
        *(("category", slug) for slug in filters.categories),
        *(("tag", slug) for slug in filters.tags),
        *(("brand", brand) for brand in filters.brands),
        ("price_min", filters.price_min),
        ("price_max", filters.price_max),
        ("in_stock", "true" if filters.in_stock else ""),
        ("sort", asked.sort if asked.sort != SORTS[0] else ""),
    ]
    given = [(name, value) for name, value in pairs if value not in ("", None)]
    return f"{reverse('search:results')}?{urlencode(given)}"


def box_text(asked: SearchRequest) -> str:
    """The box as the form sends it."""
    return ",".join(f"{number:.4f}" for number in asked.box) if asked.box else ""


def _with_chosen(
    values: Iterable[dict[str, Any]],
    chosen: tuple[str, ...],
    model: type[Category] | type[Tag] | None = None,
) -> list[Choice]:
    """The values of a facet, and before them what is chosen but not among them."""
    present = [Choice(**value, chosen=value["value"] in chosen) for value in values]
    missing = set(chosen) - {choice.value for choice in present}
    labels = dict.fromkeys(sorted(missing))
    if model and missing:
        labels |= {row.slug: row.label for row in model.objects.filter(slug__in=missing)}
    return [Choice(slug, label or slug, None, True) for slug, label in labels.items()] + present
