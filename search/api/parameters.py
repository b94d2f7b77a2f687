"""Checks the parameters of the API and makes a SearchRequest of them. Unknown parameters are
refused, because a misspelt filter that is ignored would show too many products."""

import re
from typing import Any

from django.conf import settings
from django.http import QueryDict
from django.utils.datastructures import MultiValueDict
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from search.errors import RequestError
from search.filters.declared import FILTERS
from search.filters.kinds import ChoiceFilter, Filter, RangeFilter
from search.request import (
    DEFAULT_LIMIT,
    MAX_LIMIT,
    MAX_OFFSET,
    SORTS,
    Box,
    Filters,
    SearchRequest,
    parse_box,
    read_uploads,
)

UNSTORABLE = re.compile("[\0\ud800-\udfff]")  # characters that PostgreSQL cannot store
BOX_NUMBER = r"(0(\.[0-9]+)?|1(\.0+)?)"


@extend_schema_field({"type": "string", "pattern": f"^{BOX_NUMBER}(,{BOX_NUMBER}){{3}}$"})
class BoxField(serializers.Field):
    """A box `x,y,w,h`, each 0 to 1."""

    def to_internal_value(self, data: Any) -> Box:
        return parse_box(str(data))


@extend_schema_field({"type": "number", "minimum": 0, "maximum": 9999999999, "multipleOf": 0.01})
class RangeEndField(serializers.DecimalField):
    """An end of a range, with the precision of a price."""

    def __init__(self) -> None:
        super().__init__(12, 2, min_value=0, coerce_to_string=False, required=False)


class ChoicesField(serializers.ListField):
    """A filter's parameter that may be repeated. Its value is a tuple of different strings."""

    def __init__(self, declared: ChoiceFilter) -> None:
        child = serializers.CharField(max_length=declared.max_length)
        super().__init__(child=child, required=False, max_length=declared.max_values)
        self.declared = declared

    def get_value(self, dictionary: Any) -> Any:
        value = super().get_value(dictionary)
        return list(dict.fromkeys(value)) if isinstance(value, list) else value

    def to_internal_value(self, data: Any) -> Any:
        values = tuple(super().to_internal_value(data))
        if problem := next(filter(None, map(self.declared.find_problem, values)), None):
            raise serializers.ValidationError(str(problem))
        return values


def filter_field(declared: Filter) -> serializers.Field:
    """Returns the serializer field for each parameter of a filter."""
    if isinstance(declared, ChoiceFilter):
        return ChoicesField(declared)
    if isinstance(declared, RangeFilter):
        return RangeEndField()
    return serializers.BooleanField(required=False, allow_null=True, default=None)


class FilterParameters(serializers.Serializer):
    """Filters, order and page, for every call that lists products."""

    sort = serializers.ChoiceField(SORTS, default="relevance")
    limit = serializers.IntegerField(min_value=1, max_value=MAX_LIMIT, default=DEFAULT_LIMIT)
    offset = serializers.IntegerField(
        min_value=0,
        max_value=MAX_OFFSET,
        default=0,
        error_messages={
            "max_value": "Results go {max_value} deep at most. Narrow them by filters."
        },
    )

    def get_fields(self) -> dict[str, serializers.Field]:
        filters = {name: filter_field(f) for f in FILTERS for name in f.parameters}
        return {**filters, **super().get_fields()}

    def filters(self) -> Filters:
        """Returns the checked filters."""
        return Filters.among(self.validated_data)


class SearchParameters(FilterParameters):
    less_text = serializers.CharField(max_length=500, allow_blank=True, default="")
    less_product = serializers.ListField(
        child=serializers.IntegerField(min_value=1, max_value=2**63 - 1),
        required=False,
        max_length=20,
    )
    explain = serializers.BooleanField(default=False)
    fold = serializers.BooleanField(
        default=True,
        help_text="Show near-duplicates once, as the cheapest in stock, and count them.",
    )

    def search_request(self, **query: Any) -> SearchRequest:
        """Returns the request of a search. `query` are the fields of the SearchRequest that tell
        what to search for, such as `images`, `text` or `product_id`."""
        data = self.validated_data
        return SearchRequest(
            less_text=data["less_text"],
            less_products=tuple(data.get("less_product", ())),
            filters=self.filters(),
            sort=data["sort"],
            limit=data["limit"],
            offset=data["offset"],
            explain=data["explain"],
            fold=data["fold"],
            **query,
        )


class PhotoParameters(SearchParameters):
    image = serializers.ListField(
        child=serializers.FileField(allow_empty_file=True),
        required=False,
        max_length=settings.IMAGES_PER_QUERY,
        help_text="One to five photos of one thing.",
    )
    query = serializers.CharField(
        max_length=100, required=False, help_text="The id of an earlier photo search."
    )
    box = BoxField(required=False, help_text="x,y,w,h of the first image, 0 to 1.")
    text = serializers.CharField(max_length=500, allow_blank=True, default="")

    def search_request(self, **query: Any) -> SearchRequest:
        """Returns the request of a search by photo. Raises RequestError without a photo."""
        data = self.validated_data
        images = read_uploads(data.get("image", ()))
        if not images and not data.get("query"):
            raise RequestError(
                "image_missing",
                "Send a photo in the field 'image', or the id of an earlier one in 'query'.",
            )
        return super().search_request(
            images=images,
            query="" if images else data.get("query", ""),
            box=data.get("box"),
            text=data["text"],
            **query,
        )


class TextParameters(SearchParameters):
    q = serializers.CharField(max_length=500, help_text="Words in English or Russian.")

    def search_request(self, **query: Any) -> SearchRequest:
        """Returns the request of a search by words."""
        return super().search_request(text=self.validated_data["q"], **query)


class SuggestionParameters(serializers.Serializer):
    q = serializers.CharField(max_length=100, help_text="The beginning of a word or a name.")


class NoParameters(serializers.Serializer):
    """The parameters of calls that take none."""


def parse(serializer_class: type, data: QueryDict, files: MultiValueDict | None = None) -> Any:
    """Returns a serializer with the checked parameters of a query string or form. Only parameters
    that are lists may be repeated. Raises ValidationError."""
    fields = serializer_class().get_fields()
    given: dict[str, Any] = {}
    for name in [*data, *(files or ())]:
        if name == "csrfmiddlewaretoken":
            continue
        if name not in fields:
            raise serializers.ValidationError({name: "There is no such parameter."})
        source: MultiValueDict = files if files and name in files else data
        many = isinstance(fields[name], serializers.ListField)
        values = source.getlist(name)
        if not many and len(values) > 1:
            raise serializers.ValidationError({name: "Give it only once."})
        if any(UNSTORABLE.search(value) for value in values if isinstance(value, str)):
            raise serializers.ValidationError(
                {name: "It contains a NUL character, or half of a surrogate pair."}
            )
        given[name] = values if many else values[-1]
    serializer = serializer_class(data=given)
    serializer.is_valid(raise_exception=True)
    return serializer
