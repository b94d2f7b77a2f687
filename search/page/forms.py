"""What the page sends, checked, as a SearchRequest; what is wrong with it, as a sentence."""

from typing import Any

from django import forms
from django.conf import settings
from django.core.files.uploadedfile import UploadedFile
from django.core.validators import MaxValueValidator, ProhibitNullCharactersValidator
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from search.page.examples import example_photo
from search.query.photo_decoding import checked_box
from search.request import (
    MAX_OFFSET,
    MAX_TAGS,
    MAX_VALUES,
    SORTS,
    Box,
    Filters,
    RequestError,
    SearchRequest,
)

SORT_LABELS = (
    gettext_lazy("Best match"),
    gettext_lazy("Price: low to high"),
    gettext_lazy("Price: high to low"),
    gettext_lazy("Newest"),
)


class ValuesField(forms.Field):
    """A field that may be repeated, as a tuple of strings without empty ones and repeats."""

    widget = forms.MultipleHiddenInput

    def __init__(self, most: int = MAX_VALUES, **how: Any) -> None:
        super().__init__(**how)
        self.most = most

    def clean(self, value: Any) -> tuple[str, ...]:
        values = tuple(dict.fromkeys(text for text in value or () if text))
        if len(values) > self.most or any(len(text) > 200 for text in values):
            raise forms.ValidationError(_("Choose fewer."))
        for text in values:
            ProhibitNullCharactersValidator()(text)
        return values


class BoxField(forms.CharField):
    """`x,y,w,h`, each 0 to 1; None when empty."""

    def clean(self, value: Any) -> Box | None:
        text = super().clean(value)
        if not text:
            return None
        try:
            x, y, width, height = map(float, text.split(","))
            return checked_box((x, y, width, height))
        except ValueError as error:  # RequestError is one
            sentence = _("The selected part does not lie inside the photo: draw it again.")
            raise forms.ValidationError(sentence, "box_invalid") from error


class SearchForm(forms.Form):
    """A photo (sent now, kept from an earlier search, or an example), words, or both."""

    q = forms.CharField(label=gettext_lazy("Words"), required=False, max_length=500)
    query = forms.CharField(required=False, max_length=100)
    example = forms.CharField(required=False, max_length=200)
    box = BoxField(required=False, max_length=200)
    category = ValuesField(label=gettext_lazy("Category"), required=False)
    tag = ValuesField(MAX_TAGS, label=gettext_lazy("Tag"), required=False)
    brand = ValuesField(label=gettext_lazy("Brand"), required=False)
    price_min = forms.DecimalField(
        label=gettext_lazy("Lowest price"), required=False, min_value=0, max_digits=12
    )
    price_max = forms.DecimalField(
        label=gettext_lazy("Highest price"), required=False, min_value=0, max_digits=12
    )
    in_stock = forms.BooleanField(label=gettext_lazy("In stock only"), required=False)
    sort = forms.ChoiceField(
        label=gettext_lazy("Sort by"),
        required=False,
        choices=list(zip(SORTS, SORT_LABELS, strict=True)),
    )
    offset = forms.IntegerField(
        required=False,
        min_value=0,
        validators=[
            MaxValueValidator(MAX_OFFSET, gettext_lazy("There are no more results. Use filters."))
        ],
    )

    def clean(self) -> dict[str, Any]:
        data = self.cleaned_data
        lowest, highest = data.get("price_min"), data.get("price_max")
        if lowest is not None and highest is not None and lowest > highest:
            raise forms.ValidationError(_("The lowest price is above the highest."))
        return data

    def search_request(self) -> SearchRequest:
        """The search that is asked for. Raises RequestError."""
        if not self.is_valid():
            raise RequestError("parameter_invalid", self._sentences())
        data = self.cleaned_data
        images = self._photos()
        if not images and not data["query"] and not data["q"]:
            raise RequestError("image_missing", "Choose a photo, or write what you look for.")
        return SearchRequest(
            images=images,
            query="" if images else data["query"],
            box=data["box"],
            text=data["q"],
            filters=Filters(
                categories=data["category"],
                tags=data["tag"],
                brands=data["brand"],
                price_min=data["price_min"],
                price_max=data["price_max"],
                in_stock=data["in_stock"] or None,
            ),
            sort=data["sort"] or SORTS[0],
            offset=data["offset"] or 0,
        )

    def _photos(self) -> tuple[bytes, ...]:
        """What was sent, up to one byte over the limit, so that too much is seen to be too much."""
        sent: list[UploadedFile] = self.files.getlist("image") if self.files else []  # type: ignore[attr-defined]
        if sent:
            return tuple(file.read(settings.IMAGE_MAX_BYTES + 1) for file in sent)
        name = self.cleaned_data["example"]
        return (example_photo(name),) if name else ()

    def _sentences(self) -> str:
        """Every error with the name of its field, where shoppers know the field by a name."""
        lines = []
        for name, errors in self.errors.items():
            label = self.fields[name].label if name in self.fields else None
            lines += [f"{label}: {error}" if label else str(error) for error in errors]
        return " ".join(lines)
