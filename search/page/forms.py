"""The form of the page. It makes a SearchRequest, or a sentence about each invalid field."""

import math
import re
from typing import Any

from django import forms
from django.core.files.uploadedfile import UploadedFile
from django.core.validators import MaxValueValidator, ProhibitNullCharactersValidator
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from catalog.models import Product
from search.errors import RequestError
from search.filters.declared import FILTERS
from search.filters.kinds import ChoiceFilter, Filter, RangeFilter, Text
from search.page.examples import example_photo
from search.query.photo_addresses import names_photo
from search.request import (
    DEFAULT_LIMIT,
    MAX_OFFSET,
    SORTS,
    Box,
    Filters,
    SearchRequest,
    parse_box,
    read_uploads,
)

MAX_LESS = 20
MAX_WRONG = 50
ROW_ID = re.compile("[0-9]{1,18}")
MAX_SHOWN = 10 * DEFAULT_LIMIT  # results that a page shows again after Back
SORT_LABELS = (
    gettext_lazy("Best match"),
    gettext_lazy("Price: low to high"),
    gettext_lazy("Price: high to low"),
    gettext_lazy("Newest"),
)


class ChoicesField(forms.Field):
    """A filter's field that may be repeated. Its value is a tuple of different strings, none of
    them empty."""

    widget = forms.MultipleHiddenInput

    def __init__(self, declared: ChoiceFilter, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.declared = declared

    def clean(self, value: Any) -> tuple[str, ...]:
        values = tuple(dict.fromkeys(text for text in value or () if text))
        too_long = any(len(text) > self.declared.max_length for text in values)
        if len(values) > self.declared.max_values or too_long:
            raise forms.ValidationError(_("Choose fewer values."))
        for text in values:
            ProhibitNullCharactersValidator()(text)
            if problem := self.declared.find_problem(text):
                raise forms.ValidationError(problem)
        return values


class BoxField(forms.CharField):
    """A box `x,y,w,h`, each 0 to 1. An empty field is None."""

    def clean(self, value: Any) -> Box | None:
        text = super().clean(value)
        if not text:
            return None
        try:
            return parse_box(text)
        except RequestError as error:
            sentence = _("The selected part is outside the photo. Draw the box again.")
            raise forms.ValidationError(sentence, "box_invalid") from error


class FlagField(forms.BooleanField):
    """A checkbox. Its value is True if it is checked, else None."""

    def clean(self, value: Any) -> bool | None:
        return super().clean(value) or None


def filter_field(declared: Filter, label: Text) -> forms.Field:
    """Returns the form field for each parameter of a filter."""
    if isinstance(declared, ChoiceFilter):
        return ChoicesField(declared, label=label, required=False)
    if isinstance(declared, RangeFilter):
        return forms.DecimalField(label=label, required=False, min_value=0, max_digits=12)
    return FlagField(label=label, required=False)


class ProductsField(forms.Field):
    """Ids of products. Its value is a tuple of different ids of visible products, the last
    `max_products` that were given: others can be neither liked nor hidden any more."""

    widget = forms.MultipleHiddenInput

    def __init__(self, max_products: int) -> None:
        super().__init__(required=False)
        self.max_products = max_products

    def clean(self, value: Any) -> tuple[int, ...]:
        given = list(dict.fromkeys(text for text in value or () if ROW_ID.fullmatch(text)))
        ids = [int(text) for text in given[-self.max_products :]]
        if not ids:
            return ()
        visible = set(Product.objects.visible().filter(pk__in=ids).values_list("pk", flat=True))
        return tuple(pk for pk in ids if pk in visible)


class SearchForm(forms.Form):
    """A search by photo, by words or by both. The photos are uploads, the kept photos of an earlier
    search, an example, or at a web address that stands in place of the words. `another` is one more
    photo of the thing that the kept photos show. `like`, `less` and `wrong` are products of which
    the shopper wants more, or which are not what the shopper looks for."""

    q = forms.CharField(label=gettext_lazy("Words"), required=False, max_length=500)
    query = forms.CharField(required=False, max_length=100)
    example = forms.CharField(required=False, max_length=200)
    box = BoxField(required=False, max_length=200)
    sort = forms.ChoiceField(
        label=gettext_lazy("Sort by"),
        required=False,
        choices=list(zip(SORTS, SORT_LABELS, strict=True)),
    )
    like = ProductsField(1)
    less = ProductsField(MAX_LESS)
    wrong = ProductsField(MAX_WRONG)
    shown = forms.IntegerField(required=False, min_value=1, max_value=MAX_SHOWN)
    offset = forms.IntegerField(
        required=False,
        min_value=0,
        validators=[
            MaxValueValidator(
                MAX_OFFSET,
                gettext_lazy("There are no more results. Use filters to narrow the search."),
            )
        ],
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.range_errors: dict[str, Text] = {}
        filters = {
            name: filter_field(declared, label)
            for declared in FILTERS
            for name, label in declared.parameters.items()
        }
        self.fields.update(filters)
        self.order_fields(["q", "query", "example", "box", *filters])

    def clean(self) -> dict[str, Any]:
        """Leaves out a range whose ends are in the wrong order, and keeps a sentence about it in
        `range_errors`: the page shows it beside the fields, with the results without that range."""
        data = self.cleaned_data
        for declared in FILTERS:
            if isinstance(declared, RangeFilter):
                lowest, highest = (data.get(name) for name in declared.parameters)
                if lowest is not None and highest is not None and lowest > highest:
                    self.range_errors[declared.name] = declared.empty_error
                    data.update(dict.fromkeys(declared.parameters))
        return data

    def search_request(self) -> SearchRequest:
        """Returns the request of the checked form. Raises RequestError."""
        if not self.is_valid():
            raise RequestError("parameter_invalid", self._sentences())
        data = self.cleaned_data
        images, another = self._photos(), self._uploads("another")
        if not (images or another or data["query"] or data["q"]):
            raise RequestError("image_missing", "Choose a photo, or write what you look for.")
        is_address = names_photo(data["q"])
        return SearchRequest(
            images=(*images, *another),
            query="" if images or is_address else data["query"],
            address=data["q"].strip() if is_address else "",
            box=data["box"],
            text="" if is_address else data["q"],
            product_id=data["like"][0] if data["like"] else None,
            less_products=data["less"],
            hidden=(*data["less"], *data["wrong"]),
            filters=Filters.among(data),
            sort=data["sort"] or SORTS[0],
            limit=_whole_pages(data["shown"]),
            offset=data["offset"] or 0,
        )

    def _photos(self) -> tuple[bytes, ...]:
        if uploaded := self._uploads("image"):
            return uploaded
        name = self.cleaned_data["example"]
        return (example_photo(name),) if name else ()

    def _uploads(self, name: str) -> tuple[bytes, ...]:
        files: list[UploadedFile] = self.files.getlist(name) if self.files else []  # type: ignore[attr-defined]
        return read_uploads(files)

    def _sentences(self) -> str:
        """Returns all errors in one line, each after the label of its field, if there is one."""
        lines = []
        for name, errors in self.errors.items():
            label = self.fields[name].label if name in self.fields else None
            lines += [f"{label}: {error}" if label else str(error) for error in errors]
        return " ".join(lines)


def _whole_pages(results: int | None) -> int:
    """Returns the number of results on as many pages as have `results` results, at least one."""
    return DEFAULT_LIMIT * max(1, math.ceil((results or 0) / DEFAULT_LIMIT))
