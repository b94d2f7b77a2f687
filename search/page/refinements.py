"""The filters and tags that the page offers beside an answer, and the URL of the search."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from django.urls import reverse
from django.utils.http import urlencode

from search.answer import SearchAnswer
from search.filters.declared import FILTERS
from search.filters.kinds import ChoiceFilter, Filter, RangeFilter, TagFilter, Text
from search.filters.options import OptionFilter, split_option
from search.page.forms import MAX_SHOWN, SearchForm
from search.request import DEFAULT_LIMIT, SORTS, Filters, SearchRequest

MAX_TAG_CHIPS = 8


@dataclass(frozen=True)
class Choice:
    """A value of a filter. `count` is the number of results with this value, or None."""

    value: str
    label: Text
    count: int | None
    chosen: bool


@dataclass(frozen=True)
class RangeEnd:
    """An end of a range. `name` is its parameter, `given` the value in the form, and `found` the
    smallest or largest number of the results."""

    name: str
    label: Text
    given: Any
    found: float | None


@dataclass(frozen=True)
class FilterGroup:
    """A filter on the page. It has either values to choose from or the ends of a range. `error`
    says what is wrong with these ends."""

    name: str
    legend: Text
    choices: Sequence[Choice] = ()
    ends: Sequence[RangeEnd] = ()
    error: Text = ""


def filter_groups(
    form: SearchForm, request: SearchRequest, answer: SearchAnswer
) -> list[FilterGroup]:
    """Returns all filters except tags, which are chips. Chosen values stay even if no result has
    them."""
    groups: list[FilterGroup] = []
    for declared in FILTERS:
        if isinstance(declared, OptionFilter):
            groups += _option_groups(declared, request, answer)
        elif not isinstance(declared, TagFilter):
            groups.append(_group(declared, form, request, answer))
    return [group for group in groups if group.choices or group.ends]


@dataclass(frozen=True)
class ChosenFilter:
    """A value of a filter that is on. `without` is the URL of the search without it."""

    label: str
    without: str


def chosen_filters(
    groups: Sequence[FilterGroup],
    chips: Sequence[Choice],
    request: SearchRequest,
    answer: SearchAnswer,
) -> list[ChosenFilter]:
    """Returns the values of all filters that are on, in the order of the page."""
    (tags,) = (f for f in FILTERS if isinstance(f, TagFilter))
    chosen = []
    for group in [FilterGroup(tags.name, tags.legend, chips), *groups]:
        for choice in group.choices:
            if choice.chosen:
                label, left = str(choice.label), request.filters.get(group.name, True)
                kept = tuple(v for v in left if v != choice.value) if left is not True else ()
                chosen.append(_chosen(label, {group.name: kept}, request, answer))
        for end in group.ends:
            if end.name in request.filters:
                label = f"{end.label}: {end.given}"
                chosen.append(_chosen(label, {end.name: None}, request, answer))
    return chosen


def _chosen(
    label: str, instead: dict[str, Any], request: SearchRequest, answer: SearchAnswer
) -> ChosenFilter:
    without = replace(request, filters=Filters(**{**request.filters, **instead}))
    return ChosenFilter(label, address_of(without, answer))


def tag_chips(request: SearchRequest, answer: SearchAnswer) -> list[Choice]:
    """Returns the tags to refine by: first the chosen ones, then the tags of the photo, then the
    most frequent tags of the results on this page."""
    (declared,) = (f for f in FILTERS if isinstance(f, TagFilter))
    facet = answer.facets[declared.name]
    chosen = request.filters.get(declared.name, ())
    counts = {value["value"]: value["count"] for value in facet}
    chips = {choice.value: choice for choice in _with_chosen([], chosen, declared)}
    for tag, _score in answer.tags:
        if tag.slug in counts:
            chips.setdefault(tag.slug, Choice(tag.slug, tag.label, counts[tag.slug], False))
    shown = Counter(tag for result in answer.results for tag in result.product.tags)
    for given, count in shown.most_common():
        if 1 < count < len(answer.results):  # a tag of every result narrows nothing
            value = given.slug
            chips.setdefault(value, Choice(value, given.label, counts.get(value), False))
    return list(chips.values())[: max(MAX_TAG_CHIPS, len(chosen))]


def address_of(request: SearchRequest, answer: SearchAnswer, shown: int = 0) -> str:
    """Returns the URL of this search. With a photo, it works as long as the photo is kept. It
    brings back as many pages as have `shown` results."""
    parameters = {
        "q": request.text,
        "query": answer.query_id if request.has_photo else "",
        "box": box_text(request) if request.has_photo else "",
        **{name: "true" if value is True else value for name, value in request.filters.items()},
        "like": request.product_id or "",
        "less": request.less_products,
        "wrong": request.wrong,
        "sort": request.sort if request.sort != SORTS[0] else "",
        "shown": min(shown, MAX_SHOWN) if shown > DEFAULT_LIMIT else "",
    }
    given = {name: value for name, value in parameters.items() if value not in ("", ())}
    return f"{reverse('search:results')}?{urlencode(given, doseq=True)}"


def box_text(request: SearchRequest) -> str:
    """Returns the box in the format of the form."""
    return ",".join(f"{number:.4f}" for number in request.box) if request.box else ""


def _group(
    declared: Filter, form: SearchForm, request: SearchRequest, answer: SearchAnswer
) -> FilterGroup:
    name, legend, filters = declared.name, declared.legend, request.filters
    if isinstance(declared, RangeFilter):
        found = answer.facets[name]
        ends = [
            RangeEnd(parameter, label, form[parameter].value(), found[end])
            for (parameter, label), end in zip(
                declared.parameters.items(), ("min", "max"), strict=True
            )
        ]
        return FilterGroup(name, legend, ends=ends, error=form.range_errors.get(name, ""))
    if isinstance(declared, ChoiceFilter):
        choices = _with_chosen(answer.facets[name], filters.get(name, ()), declared)
        return FilterGroup(name, legend, choices)
    checkbox = Choice("true", declared.parameters[name], None, name in filters)
    return FilterGroup(name, legend, [checkbox])


def _option_groups(
    declared: OptionFilter, request: SearchRequest, answer: SearchAnswer
) -> list[FilterGroup]:
    """Returns a group for each name of an option."""
    chosen = request.filters.get(declared.name, ())
    groups: dict[str, list[Choice]] = {}
    for choice in _with_chosen(answer.facets[declared.name], chosen, declared):
        name, value = split_option(choice.value)
        groups.setdefault(name, []).append(replace(choice, label=value))
    return [
        FilterGroup(declared.name, name[:1].upper() + name[1:], choices)
        for name, choices in sorted(groups.items())
    ]


def _with_chosen(
    facet: Iterable[dict[str, Any]], chosen: tuple[str, ...], declared: ChoiceFilter
) -> list[Choice]:
    """Returns the chosen values that the facet lacks, then the values of the facet."""
    present = [Choice(**value, chosen=value["value"] in chosen) for value in facet]
    missing = set(chosen) - {choice.value for choice in present}
    labels = declared.labels(missing)
    return [Choice(v, labels.get(v) or v, None, True) for v in sorted(missing)] + present
