"""What the API takes, checked, as a SearchRequest. Unknown parameters are refused, so that a
misspelt filter is not silently left out."""

import re
from typing import Any

from django.conf import settings
from django.http import QueryDict
from django.utils.datastructures import MultiValueDict
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from search.request import (
    DEFAULT_LIMIT,
    MAX_LIMIT,
    MAX_OFFSET,
    MAX_TAGS,
    MAX_VALUES,
    SORTS,
    Box,
    Filters,
    SearchRequest,
)

NO_TEXT = re.compile("[\0\ud800-\udfff]")  # PostgreSQL cannot hold it
EDGE = r"(0(\.[0-9]+)?|1(\.0+)?)"  # of a box


@extend_schema_field({"type": "string", "pattern": f"^{EDGE}(,{EDGE}){{3}}$"})
class BoxField(serializers.Field):
    """`x,y,w,h`, each 0 to 1."""

    def to_internal_value(self, data: Any) -> Box:
        from search.query.photo_decoding import checked_box
        from search.request import RequestError

        try:
            numbers = [float(part) for part in str(data).split(",")]
        except ValueError:
            numbers = []
        if len(numbers) != 4:
            raise RequestError("box_invalid", "box must be four numbers: x,y,w,h, each 0 to 1.")
        x, y, width, height = numbers
        return checked_box((x, y, width, height))


@extend_schema_field({"type": "number", "minimum": 0, "maximum": 9999999999, "multipleOf": 0.01})
class PriceField(serializers.DecimalField):
    """A price as the catalogue has them."""

    def __init__(self, **how: Any) -> None:
        super().__init__(12, 2, min_value=0, coerce_to_string=False, **how)


class ValuesField(serializers.ListField):
    """The values of a filter: at most `most` texts of `longest` characters, repeats dropped."""

    def __init__(self, longest: int, most: int = MAX_VALUES) -> None:
        child = serializers.CharField(max_length=longest)
        super().__init__(child=child, required=False, max_length=most)

    def get_value(self, dictionary: Any) -> Any:
        value = super().get_value(dictionary)
        return list(dict.fromkeys(value)) if isinstance(value, list) else value


class FilterParameters(serializers.Serializer):
    """Filters, order and page: the same wherever there is a list of products."""

    category = ValuesField(longest=200)
    tag = ValuesField(longest=100, most=MAX_TAGS)
    brand = ValuesField(longest=200)
    price_min = PriceField(required=False)
    price_max = PriceField(required=False)
    in_stock = serializers.BooleanField(required=False, allow_null=True, default=None)
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

    def filters(self) -> Filters:
        """The checked filters."""
        data = self.validated_data
        return Filters(
            categories=tuple(data.get("category", ())),
            tags=tuple(data.get("tag", ())),
            brands=tuple(data.get("brand", ())),
            price_min=data.get("price_min"),
            price_max=data.get("price_max"),
            in_stock=data["in_stock"],
        )


class SearchParameters(FilterParameters):
    less_text = serializers.CharField(max_length=500, allow_blank=True, default="")
    less_product = serializers.ListField(
        child=serializers.IntegerField(min_value=1, max_value=2**63 - 1),
        required=False,
        max_length=20,
    )
    explain = serializers.BooleanField(default=False)
    fold = serializers.BooleanField(
        default=True, help_text="Show lookalikes once, as the cheapest in stock, and count them."
    )

    def search_request(self, **asked: Any) -> SearchRequest:
        """The search for what is `asked` (images, text, product_id …)."""
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
            **asked,
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


class TextParameters(SearchParameters):
    q = serializers.CharField(max_length=500, help_text="Words in English or Russian.")


class NoParameters(serializers.Serializer):
    """For calls that take none."""


def parse(serializer_class: type, data: QueryDict, files: MultiValueDict | None = None) -> Any:
    """A checked serializer of query or form data, in which a parameter that is a list may be
    repeated. Raises ValidationError."""
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
            raise serializers.ValidationError({name: "Give it once only."})
        if any(NO_TEXT.search(value) for value in values if isinstance(value, str)):
            raise serializers.ValidationError(
                {name: "It contains a NUL character, or half of a surrogate pair."}
            )
        given[name] = values if many else values[-1]
    serializer = serializer_class(data=given)
    serializer.is_valid(raise_exception=True)
    return serializer
