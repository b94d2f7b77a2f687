"""The form of a source in the console."""

from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as _lazy

from catalog.console.base import LOOK
from catalog.importing.errors import ImportFailed
from catalog.importing.formats.column_mapping import parse_mapping
from catalog.importing.formats.opening import FORMATS
from catalog.importing.sources.feed_files import check_place
from catalog.models import Source
from catalog.models.attributes import AttributesFormField
from indexing.pipeline.sources.pull_schedule import is_cron


class CronField(forms.CharField):
    """A cron expression of five fields, or nothing."""

    def clean(self, value: Any) -> str:
        text = super().clean(value)
        if text and not is_cron(text):
            raise ValidationError(
                _("Write a cron expression of five fields, such as 40 */5 * * *.")
            )
        return text


class MappingField(AttributesFormField):
    """A mapping as JSON, or nothing."""

    def clean(self, value: Any) -> Any:
        given = super().clean(value)
        if not given:
            return {}
        try:
            parse_mapping(given, _("The mapping"))
        except ImportFailed as error:
            raise ValidationError(str(error)) from error
        return given


class CodeField(forms.CharField):
    """The three letters of a currency, or nothing."""

    def clean(self, value: Any) -> str:
        code = super().clean(value).upper()
        if code and not (len(code) == 3 and code.isascii() and code.isalpha()):
            raise ValidationError(_("Write a three-letter code such as EUR."))
        return code


class SourceForm(forms.ModelForm):
    """Refuses what a pull could not read, as far as that can be told without reading it."""

    format = forms.ChoiceField(
        label=_lazy("Format"),
        choices=[("", _lazy("found by the content")), *((name, name) for name in FORMATS)],
        required=False,
        widget=forms.Select(attrs={"class": LOOK}),
    )
    mapping = MappingField(
        label=_lazy("Mapping"),
        required=False,
        widget=forms.Textarea(attrs={"rows": 8, "class": LOOK}),
        help_text=_lazy(
            "JSON that says which column is which field, for a table with columns of its own."
            ' For example {"sku": "Number", "title": "Name", "price": "Price"}.'
        ),
    )
    currency = CodeField(
        label=_lazy("Currency"),
        required=False,
        max_length=3,
        widget=forms.TextInput(attrs={"class": LOOK}),
        help_text=_lazy("For prices that name none, such as USD."),
    )
    cron = CronField(
        label=_lazy("Schedule"),
        required=False,
        max_length=100,
        widget=forms.TextInput(attrs={"class": LOOK}),
        help_text=_lazy(
            "A cron expression of five fields, in UTC. Empty: SOURCE_CRON of the settings."
        ),
    )

    class Meta:
        model = Source
        fields = (
            *("name", "address", "format", "mapping", "currency", "is_full", "cron", "enabled"),
        )

    def clean_address(self) -> str:
        try:
            return check_place(self.cleaned_data["address"])
        except ImportFailed as error:
            raise ValidationError(str(error)) from error
